"""`soma bench offline` counts an answer as right only where all is said that was asked, and nothing that is not."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from soma.bench.data.note_questions import NoteQuestion, figures, judge, load
from soma.cli.commands.bench import command as bench

MOVE = NoteQuestion(
    id="1", kind="date", text="When do we move?", answer=["3 June"], also={"3 June": ["June 3"]}, never=["1 May"],
    files=frozenset({"move.md"}),
)  # fmt: skip
ABSENT = NoteQuestion(id="2", kind="not_in_notes", text="What colour is the van?")


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("We move on 3\n June.", "right"),
        ("June 3, as the note says", "right"),
        ("On 23 June.", "wrong"),
        ("Not on 1 May, but on 3 June.", "wrong"),
        ("I don't know: nothing was recalled.", "refused"),
    ],
)
def test_an_answer_is_right_where_it_holds_all_that_is_asked(said: str, outcome: str) -> None:
    assert judge(MOVE, said, []).outcome == outcome


def test_of_what_no_note_says_only_a_refusal_is_right() -> None:
    assert judge(ABSENT, "I don't know: none of the memories says it.", []).outcome == "right"
    assert judge(ABSENT, "It is white.", []).outcome == "wrong"


def test_refusals_where_a_passage_answers_are_not_counted_as_wrong() -> None:
    answered = [judge(MOVE, "3 June", ["move.md"]), judge(MOVE, "I don't know", []), judge(ABSENT, "White.", [])]
    found = figures(answered)
    assert (found["right"], found["wrong"], found["refused"]) == (0.5, 0.0, 0.5)
    assert (found["citation_right"], found["absent_honest"]) == (1.0, 0.0)


def test_questions_are_read_with_every_file_that_answers(tmp_path: Path) -> None:
    line = {"id": "A", "kind": "fact", "question": "Who?", "file": "a.md", "answer": ["Jo"], "alt": [{"file": "b.md"}]}
    (tmp_path / "questions.jsonl").write_text(json.dumps(line) + "\n")
    [question] = load(tmp_path)
    assert question.files == {"a.md", "b.md"}
    assert question.never == []


def test_a_folder_without_questions_is_refused_with_what_it_must_hold(tmp_path: Path) -> None:
    ran = CliRunner().invoke(bench, ["offline", "--data", str(tmp_path)])
    assert ran.exit_code == 2
    assert "must contain questions.jsonl" in " ".join(ran.output.split())
