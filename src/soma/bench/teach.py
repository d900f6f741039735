"""soma bench teach: measure whether one correction changes the next answer of the offline model, and no other.

Every question of `teaching.jsonl`, its paraphrases and its unrelated questions are asked twice; what changes between
the two is the drift of asking alone. Then each question that was not answered right is corrected once: if a shown
memory holds the right passage, it is named helpful, with "down"; otherwise the passage is typed as the correction.
Then everything is asked again, and compared with the second time.

An unrelated answer has changed if it quotes something else, or quotes instead of refusing. Two refusals count as the
same answer, even with other numbers of memories; answers that differ in any word are counted separately. Questions of
`questions.jsonl` are judged: a change is for the worse if a right answer is lost or a refusal becomes a wrong one.
"""

import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from soma.bench.data.note_questions import HONEST, QUESTIONS, NoteQuestion, Outcome, judge, share_of
from soma.bench.data.note_questions import load as load_questions
from soma.bench.data.real_data import FILES, notes_option
from soma.bench.flat import flatten
from soma.bench.offline import import_notes
from soma.bench.servers.soma_process import SomaProcess

TEACHING = "teaching.jsonl"
CITED = re.compile(r"\s*\[\d+\]")
WORTH: dict[Outcome, int] = {"wrong": 0, "refused": 1, "right": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question to teach; `right` is the passage that a person would point to."""

    question: NoteQuestion
    paraphrases: Sequence[NoteQuestion]
    right: str
    unrelated: Sequence[str]


def load(data: Path) -> list[Case]:
    lines = (data / TEACHING).read_text("utf-8").splitlines()
    return [_case(json.loads(line)) for line in lines if line.strip()]


def _case(line: dict[str, Any]) -> Case:
    def question(text: str) -> NoteQuestion:
        return NoteQuestion(
            id=line["id"], kind="teaching", text=text, answer=line["answer"], also=line.get("also", {}),
            files=frozenset([line["right_file"]]),
        )  # fmt: skip

    return Case(
        question=question(line["question"]),
        paraphrases=[question(text) for text in line["paraphrase"]],
        right=line["right"],
        unrelated=line["unrelated"],
    )


Answers = dict[str, dict[str, Any]]


def run(data: Path, *, console: Console | None = None) -> dict[str, Any]:
    progress, cases = console or Console(quiet=True), load(data)
    with tempfile.TemporaryDirectory(prefix="soma-bench-") as folder, SomaProcess(Path(folder)) as soma:
        import_notes(soma, data / FILES)
        everything = list(dict.fromkeys(text for case in cases for text in _texts(case)))

        def ask(title: str) -> Answers:
            return {text: soma.converse([text]) for text in track(everything, title, console=progress, transient=True)}

        first, before = ask("asking"), ask("asking again")
        wrong = [case for case in cases if not _is_right(case.question, before)]
        shown = {case.question.id: _correct(soma, case, before[case.question.text]) for case in wrong}
        after = ask("asking after the corrections")
        others = list(dict.fromkeys(text for case in wrong for text in case.unrelated))
        return _report(wrong, shown, before, after) | {
            "unrelated": {
                "questions": len(others),
                "changed_untaught": share_of(answer_of(first[text]) != answer_of(before[text]) for text in others),
                "changed": share_of(answer_of(before[text]) != answer_of(after[text]) for text in others),
                "in_other_words": share_of(_quotation(before[text]) != _quotation(after[text]) for text in others),
                "touched": share_of(_is_taught(soma, after[text]) for text in others),
                **judge_changes(_find_judged(others, data), before, after),
            }
        }


def _find_judged(texts: Sequence[str], data: Path) -> list[NoteQuestion]:
    """Return the questions among `texts` whose right answer is known."""
    known = {question.text: question for question in load_questions(data)} if (data / QUESTIONS).is_file() else {}
    return [known[text] for text in texts if text in known]


def judge_changes(questions: Sequence[NoteQuestion], before: Answers, after: Answers) -> dict[str, float]:
    """Return shares of the questions: right and wrong answers before and after, and changes by what they are worth."""
    outcomes = [(_outcome_of(one, before), _outcome_of(one, after)) for one in questions]
    changed = [answer_of(before[one.text]) != answer_of(after[one.text]) for one in questions]
    return {
        "judged": len(questions),
        **{f"{name}_before": share_of(was == name for was, _ in outcomes) for name in ("right", "wrong")},
        **{f"{name}_after": share_of(now == name for _, now in outcomes) for name in ("right", "wrong")},
        "right_to_wrong": share_of((was, now) == ("right", "wrong") for was, now in outcomes),
        "wrong_to_right": share_of((was, now) == ("wrong", "right") for was, now in outcomes),
        "for_worse": share_of(WORTH[now] < WORTH[was] for was, now in outcomes),
        "for_better": share_of(WORTH[now] > WORTH[was] for was, now in outcomes),
        "as_good": share_of(differs and was == now for differs, (was, now) in zip(changed, outcomes, strict=True)),
    }


def _texts(case: Case) -> list[str]:
    return [case.question.text, *(one.text for one in case.paraphrases), *case.unrelated]


def _correct(soma: SomaProcess, case: Case, said: dict[str, Any]) -> bool:
    """Correct an answer; return whether the right passage was shown, so that it need not be typed."""
    trace = soma.get(f"/trace/{said['turn_id']}")
    memories = trace["iterations"][trace["answer_iteration"]]["recalled"]["memories"]
    helpful = [memory["id"] for memory in memories if _plain(case.right) in _plain(memory["text"])]
    verdict = {"thumb": -1, "helpful": helpful[:1]} if helpful else {"correction": case.right}
    soma.post("/feedback", {"turn_id": said["turn_id"], **verdict})
    return bool(helpful)


def _is_taught(soma: SomaProcess, said: dict[str, Any]) -> bool:
    """Return whether a correction took part in the answer."""
    trace = soma.get(f"/trace/{said['turn_id']}")
    return any(memory.get("taught") for one in trace["iterations"] for memory in one["recalled"]["memories"])


def _report(wrong: Sequence[Case], shown: dict[str, bool], before: Answers, after: Answers) -> dict[str, Any]:
    same = [case.question for case in wrong]
    paraphrased = [one for case in wrong for one in case.paraphrases]
    named, typed = (
        [one for case in wrong if shown[case.question.id] is was for one in (case.question, *case.paraphrases)]
        for was in (True, False)
    )
    return {
        "wrong_at_first": len(wrong),
        "named": share_of(shown.values()),
        "same": _shares(same, before, after),
        "paraphrase": _shares(paraphrased, before, after),
        "all": _shares([*same, *paraphrased], before, after),
        "where_named": _shares(named, before, after),
        "where_typed": _shares(typed, before, after),
    }


def _shares(questions: Sequence[NoteQuestion], before: Answers, after: Answers) -> dict[str, float]:
    return {
        "questions": len(questions),
        "right_before": share_of(_is_right(one, before) for one in questions),
        "right_after": share_of(_is_right(one, after) for one in questions),
    }


def _is_right(question: NoteQuestion, answers: Answers) -> bool:
    return _outcome_of(question, answers) == "right"


def _outcome_of(question: NoteQuestion, answers: Answers) -> Outcome:
    return judge(question, answers[question.text]["content"], []).outcome


def answer_of(said: dict[str, Any]) -> str:
    """Return what an answer quotes; empty for a refusal."""
    return "" if HONEST.match(said["content"]) else _quotation(said)


def _quotation(said: dict[str, Any]) -> str:
    """Return an answer without the numbers of its sources."""
    return CITED.sub("", said["content"])


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


@click.command("teach")
@notes_option(TEACHING)
@click.option("--json", "as_json", is_flag=True, help="Figures by dotted name instead of a table.")
def command(data: Path, *, as_json: bool) -> None:
    """Measure whether one correction changes the next answer, and no other. Takes two minutes."""
    found = run(data, console=Console(stderr=True))
    if as_json:
        click.echo(json.dumps(flatten(found, "teach"), indent=1))
        return
    table = Table("corrected once", "questions", "right before", "right after")
    for name in ("same", "paraphrase", "all", "where_named", "where_typed"):
        row = found[name]
        shares = (f"{100 * row[key]:.0f} %" for key in ("right_before", "right_after"))
        table.add_row(name.replace("_", " "), str(row["questions"]), *shares)
    console = Console()
    console.print(table)
    console.print(_describe_unrelated(found["unrelated"]))


def _describe_unrelated(found: dict[str, float]) -> str:
    percent = {name: f"{100 * share:.1f} %" for name, share in found.items() if name not in {"questions", "judged"}}
    return (
        f"of {found['questions']} unrelated questions {percent['changed']} were answered differently, "
        f"{percent['touched']} with a correction; {percent['in_other_words']} in other words, and "
        f"{percent['changed_untaught']} before anything was corrected\n"
        f"of {found['judged']} whose answer is known {percent['for_worse']} changed for the worse "
        f"({percent['right_to_wrong']} from right to wrong), {percent['for_better']} for the better "
        f"({percent['wrong_to_right']} from wrong to right), {percent['as_good']} to another answer as right or as "
        f"wrong; right {percent['right_before']} before and "
        f"{percent['right_after']} after, wrong {percent['wrong_before']} and {percent['wrong_after']}"
    )
