"""Pieces of tool calls from servers that leave out ids, repeat them, or change them in mid-call."""

import json
from typing import Any

import pytest

from soma.agent.llm.base import UNNAMED
from soma.agent.llm.providers.chunks import ChunkReader

from .provider import chunk
from .reading import HALVES, piece, read, read_calls


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param(
            [piece("calculator", '{"x":"6*7"}'), piece("clock", '{"tz":"UTC"}')],
            [("calculator", {"x": "6*7"}), ("clock", {"tz": "UTC"})],
            id="two tools under one index, without ids",
        ),
        pytest.param(
            [piece("add", '{"x":1}'), piece("add", '{"x":2}')], [("add", {"x": 1}), ("add", {"x": 2})], id="no ids"
        ),
        pytest.param(
            [piece("add", '{"x":1}', call_id=""), piece("add", '{"x":1}', call_id="")],
            [("add", {"x": 1}), ("add", {"x": 1})],
            id="empty ids",
        ),
        pytest.param(
            [
                piece("add", '{"expre', call_id="1"),
                piece(None, 'ssion": ', call_id="2"),
                piece(None, '"6*7"}', call_id="3"),
            ],
            [("add", {"expression": "6*7"})],
            id="a new id in every piece",
        ),
        pytest.param(
            [piece("add", '{"x"', call_id="1"), piece("add", ":", call_id="1"), piece("add", "1}", call_id="1")],
            [("add", {"x": 1})],
            id="name and id in every piece",
        ),
        pytest.param(
            [piece("add", '{"x"', index=0), piece(None, ":1}", index=1)], [("add", {"x": 1})], id="index changes"
        ),
        pytest.param(
            [piece(None, None, call_id="a"), piece("add", None), piece(None, '{"x":1}')],
            [("add", {"x": 1})],
            id="late name",
        ),
        pytest.param(
            [
                piece("add", '{"x"', call_id="a"),
                piece("sub", '{"y"', call_id="b"),
                piece(None, ":1}", call_id="a"),
                piece(None, ":2}", call_id="b"),
            ],
            [("add", {"x": 1}), ("sub", {"y": 2})],
            id="two calls in turns under one index",
        ),
        pytest.param(
            [piece("clock", "", call_id="a"), piece("clock", "{}", call_id="b")],
            [("clock", {}), ("clock", {})],
            id="two calls told apart by their ids alone",
        ),
        pytest.param(
            [piece("add", '{"x":1}', call_id="a"), piece("add", '{"x":1}', call_id="a")],
            [("add", {"x": 1})],
            id="a whole call sent again",
        ),
        pytest.param(
            [piece("add", '{"x":1}', call_id="a"), piece("add", '{"x":2}', call_id="a")],
            [("add", {"x": 1}), ("add", {"x": 2})],
            id="two calls of one id",
        ),
        pytest.param([piece("clock", ""), piece("clock", "{}")], [("clock", {})], id="an empty beginning"),
        pytest.param(
            [chunk({"tool_calls": {"index": 0, "function": {"name": "add", "arguments": '{"x":1}'}}})],
            [("add", {"x": 1})],
            id="one object in place of a list",
        ),
        pytest.param(
            [
                chunk({"function_call": {"name": "add", "arguments": '{"x"'}}),
                chunk({"function_call": {"arguments": ":1}"}}),
            ],
            [("add", {"x": 1})],
            id="old servers",
        ),
        pytest.param([piece("add", {"x": 1})], [("add", {"x": 1})], id="arguments as an object"),
        pytest.param([piece("add", '"{\\"x\\":1}"')], [("add", {"x": 1})], id="arguments encoded twice"),
        pytest.param([piece("clock", " \n")], [("clock", {})], id="blank arguments"),
        pytest.param([piece("clock", "null")], [("clock", {})], id="null arguments"),
        pytest.param(
            [piece("recall", '{"top_k": 5.0, "x": 0.5}')], [("recall", {"top_k": 5, "x": 0.5})], id="5.0 is 5"
        ),
        pytest.param(
            [piece("add", f'{{"x":"{HALVES[0]}'), piece(None, f'{HALVES[1]}"}}')], [("add", {"x": "😀"})], id="halves"
        ),
        pytest.param(
            [piece("add", '{"x":"a\\u0000b\\ud83d"}')], [("add", {"x": "ab\ufffd"})], id="what storage refuses"
        ),
        pytest.param([piece("add", '{"a\\u0000b":1}')], [("add", {"ab": 1})], id="a key that storage refuses"),
        pytest.param([piece("add", '{"x":NaN}')], [("add", None)], id="NaN"),
        pytest.param([piece("add", f'{{"x":{"9" * 40}}}')], [("add", {"x": int("9" * 40)})], id="forty digits"),
        pytest.param([piece("add", f'{{"x":{"9" * 41}}}')], [("add", None)], id="more digits"),
        pytest.param([piece("add", '{"x":1e999}')], [("add", None)], id="too large"),
        pytest.param([piece("add", '{"x":' + "[" * 900 + "]" * 900 + "}")], [("add", None)], id="too deep"),
        pytest.param([piece("add", "[1]")], [("add", None)], id="a list"),
        pytest.param([piece("add", 5)], [("add", None)], id="a number"),
        pytest.param([piece(5, "{}")], [(UNNAMED, {})], id="a name that is a number"),
        pytest.param([piece(None, '{"x":1}', call_id="a")], [(UNNAMED, {"x": 1})], id="no name"),
        pytest.param([piece("x" * 5_000, "{}")], [("x" * 61 + "...", {})], id="a name of 5,000 characters"),
        pytest.param([piece("a\x00b\ud83d", "{}")], [("ab\ufffd", {})], id="a name that storage refuses"),
    ],
)
def test_pieces_of_calls_become_the_calls_that_were_meant(chunks: list[Any], expected: list[Any]) -> None:
    assert read_calls(*chunks, chunk(finish_reason="tool_calls")) == expected


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a", "a"),
        (" a\x00\ud83d ", "a\ufffd"),
        ("x" * 5_000, "x" * 61 + "..."),
        (5, "call_00000007_0"),
        ("", "call_00000007_0"),
    ],
)
def test_a_call_has_a_short_id_that_can_be_stored_or_one_of_ours(given: Any, kept: str) -> None:
    [call] = read(piece("clock", "{}", call_id=given)).tool_calls
    assert call.call_id == kept


CALCULATED = [("calculator", {"x": 1})]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(("calcu", "lator"), CALCULATED, id="two pieces"),
        pytest.param(tuple("calculator"), CALCULATED, id="letters"),
        pytest.param(("calculator", "calculator"), CALCULATED, id="the whole name in each piece"),
        pytest.param(("clock", "calculator"), [("clock", {}), *CALCULATED], id="two tools under one index"),
        pytest.param(("re", "re"), [("rere", {"x": 1})], id="two equal halves"),
        pytest.param(("clock", "_of", "_utc"), [("clock_of_utc", {"x": 1})], id="a tool's name begins with another's"),
        pytest.param(("unkno", "wn"), [("unknown", {"x": 1})], id="no tool's name"),
        pytest.param(("unknown", "calculator"), [("unknown", {}), *CALCULATED], id="no tool, then a tool"),
        pytest.param(("y" * 40, "z" * 40), [("y" * 40, {}), ("z" * 40, {"x": 1})], id="longer than any name"),
    ],
)
@pytest.mark.parametrize("index", [0, None])
def test_pieces_of_a_name_are_joined_and_a_whole_name_is_not_doubled(
    names: tuple[str, ...], expected: list[Any], index: int | None
) -> None:
    chunks = [piece(name, "", index=index) for name in names] + [piece(None, '{"x":1}', index=index)]
    assert read_calls(*chunks, offered=("calculator", "clock", "clock_of_utc", "rere")) == expected


def test_a_name_is_joined_where_the_id_comes_with_each_piece() -> None:
    chunks = [piece("calcu", call_id="a"), piece("lator", call_id="a"), piece("calculator", '{"x":1}', call_id="a")]
    assert read_calls(*chunks, offered=("calculator",)) == CALCULATED


def test_an_answer_has_at_most_32_calls() -> None:
    assert len(read_calls(*(piece("clock", "{}", index=index) for index in range(1_500)))) == 32


def test_pieces_that_tell_nothing_new_leave_nothing_behind() -> None:
    reader = ChunkReader(seed=7, max_output_tokens=64)
    same = json.dumps(piece("clock", "", call_id="a"))
    assert sum(len(list(reader.read(same))) for _ in range(100)) == 1
