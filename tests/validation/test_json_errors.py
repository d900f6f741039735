"""What is wrong with JSON from outside is told in words that say what to mend."""

import msgspec
import pytest

from soma.validation.json_errors import (
    DECODING_ERRORS,
    describe_json_error,
    find_repeated_name,
    find_undecodable_parameter,
)


def wrong(sent: bytes | str) -> str:
    with pytest.raises(DECODING_ERRORS) as fault:
        msgspec.json.decode(sent)
    return describe_json_error(sent, fault.value)


@pytest.mark.parametrize("text", [r"\ud800", r"\ud800 and more than that", r"\\\ud800\n", r"\ud83d\ude00 \uD800\u0041"])
def test_half_of_a_character_is_told_as_that(text):
    half = "is half of a character"
    for sent in (f'{{"content": "{text}"}}', f'{{"content": "{text}"}}'.encode()):
        assert wrong(sent).lower() == rf"not valid text: \ud800 {half}"


@pytest.mark.parametrize("sent", ['{"content": ', r'{"content": "\ud83d\ude00', r'{"content": "\\ud800'])
def test_what_breaks_off_is_told_as_that(sent):
    assert "breaks off" in wrong(sent)


@pytest.mark.parametrize("sent", ['{"content": 1e999}', b"[-1e400]", '{"a": [1e999, ', "1" * 5_000])
def test_a_number_too_large_is_told_as_that(sent):
    assert wrong(sent).endswith("a number is too large")


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ('{"a": 1, "a": 2}', "a"),
        (b'[{"b": {"a": 1, "c": 2, "a": 1}}]', "a"),
        ('{"\\u0061": 1, "a": 2}', "a"),
        ('{"a": {"a": 1}, "b": {"a": 1}}', None),
        (f'{{"a": {"9" * 5_000}}}', None),
        ("[" * 900 + "]" * 900, None),
        ('"a"', None),
    ],
)
def test_a_name_that_stands_twice_in_an_object_is_found(sent, name):
    assert find_repeated_name(sent) == name


@pytest.mark.parametrize(
    ("query", "name"),
    [("search=%ff", "search"), (b"a=1&b=%c3%28", "b"), ("%ff=1", "\ufffd"), ("search=%c3%a4&b", None), (b"", None)],
)
def test_a_query_that_is_not_utf_8_names_its_parameter(query, name):
    assert find_undecodable_parameter(query) == name
