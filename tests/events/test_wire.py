"""What is wrong with JSON from outside is told in words that say what to mend."""

import msgspec
import pytest

from soma.events.wire import EVERY_DECODING_FAULT, told


def wrong(sent: bytes | str) -> str:
    with pytest.raises(EVERY_DECODING_FAULT) as fault:
        msgspec.json.decode(sent)
    return told(sent, fault.value)


@pytest.mark.parametrize("text", [r"\ud800", r"\ud800 and more than that", r"\\\ud800\n", r"\ud83d\ude00 \uD800\u0041"])
def test_half_of_a_character_is_told_as_that(text):
    half = "is half of a character"
    for sent in (f'{{"content": "{text}"}}', f'{{"content": "{text}"}}'.encode()):
        assert wrong(sent).lower() == rf"this is not text: \ud800 {half}"


@pytest.mark.parametrize("sent", ['{"content": ', r'{"content": "\ud83d\ude00', r'{"content": "\\ud800'])
def test_what_breaks_off_is_told_as_that(sent):
    assert "breaks off" in wrong(sent)
