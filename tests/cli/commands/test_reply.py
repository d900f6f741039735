"""What `soma chat` shows of a turn's events."""

from typing import Any

import pytest

from soma.cli.commands.chat import ReplyPrinter


def frame(kind, **payload):
    return {"type": f"chat.{kind}", "turn_id": "t", "payload": payload}


def delta(text, iteration=0):
    return frame("delta", text=text, iteration=iteration)


def complete(content, **fields):
    known: dict[str, Any] = {"citations": [], "exit_reason": "final_answer", "error": None}
    return frame("turn_complete", content=content, **{**known, **fields})


def shown(capsys, *frames):
    reply = ReplyPrinter()
    for one in frames:
        reply.show(one)
    return capsys.readouterr().out


def test_text_before_a_tool_goes_on_streaming_after_it(capsys):
    out = shown(
        capsys,
        delta("Let me see."),
        frame("draft_replaced", reason="continued"),
        delta("It is 4.", 1),
        complete("It is 4."),
    )
    assert out == "Let me see.\nIt is 4.\n"


AGAIN = "… the answer broke off and was asked for again:\n"


@pytest.mark.parametrize("reason", ["model_unavailable", "restarted"])
@pytest.mark.parametrize(
    ("tries", "out"),
    [
        pytest.param(["It", "It is 4."], "It is 4.\n", id="goes on alike"),
        pytest.param(["It is", "It", "It is", "It is 4."], "It is 4.\n", id="three times"),
        pytest.param(["Is it", "It is 4."], f"Is it\n{AGAIN}It is 4.\n", id="says otherwise"),
        pytest.param(["It is 4. And", "It is 4."], f"It is 4. And\n{AGAIN}It is 4.\n", id="says less"),
        pytest.param(["Is it", "Is 4", "It is 4."], f"Is it\n{AGAIN}Is 4\n{AGAIN}It is 4.\n", id="otherwise twice"),
    ],
)
@pytest.mark.parametrize("size", [1, 100])
def test_an_answer_that_broke_off_is_shown_once_and_one_that_differs_is_marked(capsys, reason, tries, out, size):
    frames = [frame("draft_replaced", reason=reason)]
    for text in tries:
        frames += [*(delta(text[at : at + size]) for at in range(0, len(text), size)), frames[0]]
    assert shown(capsys, *frames[1:-1], complete(tries[-1])) == out


def test_a_turn_that_ends_before_it_is_answered_again_shows_what_it_has(capsys):
    broken = (delta("It is"), frame("draft_replaced", reason="model_unavailable"))
    assert shown(capsys, *broken, complete("(stopped)", exit_reason="cancelled")) == (
        f"It is\n{AGAIN}(stopped)\nended: cancelled\n"
    )


def test_a_source_shows_nothing_that_cannot_be_seen(capsys):
    cited = {"number": 1, "text": "pay\u200b Eve\x1b[2J", "source": "no\u2060te", "occurred_at": None, "metadata": {}}
    assert shown(capsys, delta("Pay."), complete("Pay.", citations=[cited])) == "Pay.\n[1] note: pay Eve␛[2J\n"


def test_thinking_that_was_taken_for_the_answer_is_told(capsys):
    out = shown(
        capsys, delta("a plan"), frame("draft_replaced", reason="thought"), delta("It is 4."), complete("It is 4.")
    )
    assert out == "a plan\n… that was thinking\nIt is 4.\n"


def test_a_refinement_is_shown_once_it_has_won(capsys):
    refined = (delta("It is 4."), frame("draft_replaced", reason="refined"), delta("It is 5.", 1))
    assert "the answer above stands" in shown(capsys, *refined, complete("It is 4."))
    out = shown(capsys, *refined, complete("It is 5."))
    assert out.endswith("revised:\nIt is 5.\n")
    assert out.count("It is 5.") == 1


def test_a_brain_that_goes_away_is_told_once(capsys):
    away = {"degraded": "brain_unavailable: away"}
    out = shown(
        capsys, frame("turn_started", degraded=None), frame("bundle_built", **away), frame("bundle_built", **away)
    )
    assert out == "degraded: brain_unavailable: away\n"


def test_a_failed_turn_is_told_once_by_its_cause(capsys):
    with pytest.raises(SystemExit):
        shown(capsys, complete("I could not answer.", exit_reason="error", error={"code": "c", "message": "no model"}))
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "soma: no model  [c]\n")


def test_an_answer_that_was_cut_says_so_below(capsys):
    note = "The answer is not whole: it was cut at 12 tokens."
    assert shown(capsys, delta("It is"), complete("It is", note=note)) == f"It is\n{note}\n"
