"""What the command line makes of values: pure, so tried without a server."""

import pytest

from soma.cli.commands.chat import ReplyPrinter
from soma.cli.output.formatting import WordWrapper, describe_shapes, excerpt, format_parts, sort_names

TEXT = "A word is never broken where a line ends; 猫 counts for two cells.\n\nA new paragraph."


def test_what_has_a_name_of_its_own_comes_first():
    assert sort_names(["when", "mu", "beta", "about", "alpha"]) == ["alpha", "beta", "mu", "about", "when"]
    assert sort_names({"acetylcholine": 0, "dopamine": 0}) == ["dopamine", "acetylcholine"]


def test_parts_are_ordered_by_what_they_did_to_the_score():
    memory = {"parts": {"graph": 1.0, "semantic": 0.5, "old": 0.9, "question": 1.0, "value": 0.0, "length": 0.1}}
    weights = {"alpha": 1.0, "beta": 0.2, "old": 0.1, "question": -0.3, "value": 5.0}
    assert format_parts(memory, weights) == "semantic 0.50, question 1.00, graph 1.00"
    assert format_parts(memory | {"taught": True}, weights).startswith("taught, semantic 0.50")
    assert format_parts(memory, weights, every=True).endswith("old 0.90, length 0.10")


def test_an_excerpt_ends_between_words():
    assert excerpt("word " * 100).endswith("word …")
    assert excerpt("short\n  text") == "short text"


@pytest.mark.parametrize("piece", [1, 3, 7, 1_000])
def test_text_that_comes_in_pieces_is_broken_between_words(piece):
    wrapped = WordWrapper(20)
    shown = "".join(wrapped.add(TEXT[start : start + piece]) for start in range(0, len(TEXT), piece)) + wrapped.end()
    assert shown.split("\n") == [
        "A word is never",
        "broken where a line",
        "ends; 猫 counts for",
        "two cells.",
        "",
        "A new paragraph.",
    ]


def test_without_a_terminal_text_stays_as_it_is():
    wrapped = WordWrapper(None)
    assert wrapped.add(TEXT) + wrapped.end() == TEXT


def frame(kind, **payload):
    return {"type": f"chat.{kind}", "turn_id": "t", "payload": payload}


def closed(content, **more):
    ended = {"exit_reason": "converged", "citations": [], "error": None, **more}
    return frame("turn_complete", content=content, **ended)


def said(*frames, capsys):
    reply = ReplyPrinter()
    for one in frames:
        reply.show(one)
    return capsys.readouterr().out


def test_a_draft_that_won_is_not_said_again(capsys):
    frames = (
        frame("delta", text="First", iteration=0),
        frame("delta", text=" draft.", iteration=0),
        frame("draft_replaced", reason="refined"),
        frame("delta", text="I do not know.", iteration=1),
        closed("First draft."),
    )
    assert said(*frames, capsys=capsys) == (
        "First draft.\n… found more to look at, reading it\nthe answer above stands\n"
    )


def test_a_revision_that_won_is_said_last(capsys):
    frames = (
        frame("delta", text="First draft.", iteration=0),
        frame("draft_replaced", reason="refined"),
        frame("delta", text="Better.", iteration=1),
        closed("Better."),
    )
    assert said(*frames, capsys=capsys) == ("First draft.\n… found more to look at, reading it\nrevised:\nBetter.\n")


def test_what_was_thought_before_a_tool_is_not_the_answer(capsys):
    frames = (
        frame("delta", text="Let me see.", iteration=0),
        frame("tool_decided", allow=True, tool="calculator", reason=""),
        frame("tool_finished", tool="calculator", content="[bold]444[/bold]"),
        frame("delta", text="It is 444.", iteration=1),
        closed("It is 444."),
    )
    assert said(*frames, capsys=capsys) == "Let me see.\ncalculator: [bold]444[/bold]\nIt is 444.\n"


def test_an_ending_that_one_does_not_expect_is_told(capsys):
    frames = (frame("delta", text="Half", iteration=0), closed("Half", exit_reason="cancelled"))
    assert said(*frames, capsys=capsys) == "Half\nended: cancelled\n"


def test_the_kind_of_data_is_named_once_it_tells():
    assert "not clear yet" in describe_shapes({"stranger": 0.9, "documents": 0.05, "facts": 0.05})
    found = describe_shapes({"stranger": 0.05, "documents": 0.7, "facts": 0.2, "code": 0.05})
    assert found == "this looks like documents (70 %), facts (20 %)"
