"""Tool calls that a model writes as text: read as calls, and never shown."""

from typing import Any

import pytest

from soma.agent.llm.base import UNNAMED

from .provider import chunk
from .reading import STOP, piece, read

SUM = '<tool_call>\n{"name": "calculator", "arguments": {"expression": "6*7"}}\n</tool_call>'
CALLED = ("calculator", {"expression": "6*7"})


def read_in_pieces(text: str, size: int) -> tuple[str, list[tuple[str, Any]]]:
    """Return the text shown and the calls, for a text that comes in pieces of this size."""
    response = read(*(chunk({"content": text[at : at + size]}) for at in range(0, len(text), size)), STOP)
    return response.text, [(call.name, call.arguments) for call in response.tool_calls]


@pytest.mark.parametrize("size", [1, 4, 1_000])
@pytest.mark.parametrize(
    ("text", "shown", "called"),
    [
        pytest.param(SUM, "", [CALLED], id="a call alone"),
        pytest.param(f"Let me see. {SUM}", "Let me see. ", [CALLED], id="text before"),
        pytest.param(f"{SUM}\n{SUM}", "\n", [CALLED, CALLED], id="two calls"),
        pytest.param(f"<think>I use {SUM}</think>{SUM}", "", [CALLED], id="a call that was only thought of"),
        pytest.param(f"I use {SUM}</think>It is 42.", "It is 42.", [], id="the same without the opening tag"),
        pytest.param(SUM.removesuffix("</tool_call>"), "", [CALLED], id="no closing tag"),
        pytest.param('<tool_call>{"name": "clock"}</tool_call>', "", [("clock", {})], id="no arguments"),
        pytest.param(
            '<tool_call>{"name": "clock", "arguments": "{\\"x\\": 1}"}</tool_call>', "", [("clock", {"x": 1})],
            id="arguments as text",
        ),
        pytest.param("<tool_call>calculator(6*7)</tool_call>", "", [(UNNAMED, None)], id="no JSON"),
        pytest.param('<tool_call>{"x": "6*7"}</tool_call>', "", [(UNNAMED, {"x": "6*7"})], id="no name"),
        pytest.param('<tool_call>{"name": "calc', "", [(UNNAMED, None)], id="half a call"),
        pytest.param("<tool_call>" + "x" * 500 + "</tool_call>.", ".", [(UNNAMED, None)], id="a long block"),
        pytest.param("word " * 99 + f"`{SUM}`", "word " * 99 + f"`{SUM}`", [], id="spoken of in a long line"),
        pytest.param("a <tool_ b <tool_call c", "a <tool_ b <tool_call c", [], id="no tag"),
        pytest.param(f"It writes `{SUM}` so.", f"It writes `{SUM}` so.", [], id="spoken of"),
        pytest.param(f"So:\n```xml\n{SUM}\n```\nNo.", f"So:\n```xml\n{SUM}\n```\nNo.", [], id="in a fence"),
        pytest.param(f"```\nx\n```\n{SUM}", "```\nx\n```\n", [CALLED], id="behind a fence"),
    ],
)  # fmt: skip
def test_a_call_that_is_written_as_text_is_a_call_and_not_shown(
    text: str, shown: str, called: list[Any], size: int
) -> None:
    assert read_in_pieces(text, size) == (shown, called)


def test_a_written_call_comes_beside_those_that_are_sent_as_such() -> None:
    response = read(piece("clock", "{}", call_id="a"), chunk({"content": SUM}), STOP)
    assert [(call.name, call.arguments) for call in response.tool_calls] == [("clock", {}), CALLED]


def test_an_answer_has_at_most_32_written_calls() -> None:
    assert len(read(chunk({"content": SUM * 40}), STOP).tool_calls) == 32
