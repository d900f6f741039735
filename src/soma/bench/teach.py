"""`soma bench teach`: whether one correction changes the next answer of the offline model, and no other one.

Every question of `teaching.jsonl`, its paraphrases and its unrelated questions are asked once. Then each question that
was not answered right is corrected once: "down", and of the memories that were shown the one that holds the right
passage is named helpful. Then everything is asked again.
"""

import json
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from soma.bench.flat import flattened
from soma.bench.noted import Noted, judge
from soma.bench.offline import import_notes
from soma.bench.real_data import FILES, notes_option
from soma.bench.soma_process import SomaProcess

TEACHING = "teaching.jsonl"
CITED = re.compile(r"\s*\[\d+\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question with what is right; `right` is the passage that a person would point to."""

    question: Noted
    paraphrases: Sequence[Noted]
    right: str
    unrelated: Sequence[str]


def load(data: Path) -> list[Case]:
    lines = (data / TEACHING).read_text("utf-8").splitlines()
    return [_case(json.loads(line)) for line in lines if line.strip()]


def _case(line: dict[str, Any]) -> Case:
    def asked(text: str) -> Noted:
        return Noted(
            id=line["id"], kind="teaching", text=text, answer=line["answer"], also=line.get("also", {}),
            files=frozenset([line["right_file"]]),
        )  # fmt: skip

    return Case(
        question=asked(line["question"]),
        paraphrases=[asked(text) for text in line["paraphrase"]],
        right=line["right"],
        unrelated=line["unrelated"],
    )


def run(data: Path, *, console: Console | None = None) -> dict[str, Any]:
    progress, cases = console or Console(quiet=True), load(data)
    with tempfile.TemporaryDirectory(prefix="soma-bench-") as folder, SomaProcess(Path(folder)) as soma:
        import_notes(soma, data / FILES)

        def ask(texts: Iterable[str], title: str) -> dict[str, dict[str, Any]]:
            distinct = list(dict.fromkeys(texts))
            return {text: soma.converse([text]) for text in track(distinct, title, console=progress, transient=True)}

        everything = [text for case in cases for text in _texts(case)]
        before = ask(everything, "asking")
        wrong = [case for case in cases if not _is_right(case.question, before)]
        shown = {case.question.id: _correct(soma, case, before[case.question.text]) for case in wrong}
        after = ask(everything, "asking again")
        others = list(dict.fromkeys(text for case in wrong for text in case.unrelated))
        touched = sum(_is_taught(soma, after[text]) for text in others)
        return _report(wrong, shown, before, after) | {"unrelated_touched": touched / max(len(others), 1)}


def _texts(case: Case) -> list[str]:
    return [case.question.text, *(one.text for one in case.paraphrases), *case.unrelated]


def _correct(soma: SomaProcess, case: Case, said: dict[str, Any]) -> bool:
    """Whether the right passage was among what was shown: only then can it be named."""
    trace = soma.get(f"/trace/{said['turn_id']}")
    memories = trace["iterations"][trace["answer_iteration"]]["recalled"]["memories"]
    helpful = [memory["id"] for memory in memories if _plain(case.right) in _plain(memory["text"])]
    if helpful:
        soma.post("/feedback", {"turn_id": said["turn_id"], "thumb": -1, "helpful": helpful[:1]})
    return bool(helpful)


def _is_taught(soma: SomaProcess, said: dict[str, Any]) -> bool:
    """Whether a correction had a part in the answer."""
    trace = soma.get(f"/trace/{said['turn_id']}")
    return any(memory.get("taught") for one in trace["iterations"] for memory in one["recalled"]["memories"])


def _report(
    wrong: Sequence[Case],
    shown: dict[str, bool],
    before: dict[str, dict[str, Any]],
    after: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    same = [case.question for case in wrong]
    paraphrased = [one for case in wrong for one in case.paraphrases]
    taught = [case for case in wrong if shown[case.question.id]]
    theirs = [one for case in taught for one in (case.question, *case.paraphrases)]
    others = list(dict.fromkeys(text for case in wrong for text in case.unrelated))
    changed = [text for text in others if _quoted(before[text]) != _quoted(after[text])]
    return {
        "wrong_at_first": len(wrong),
        "passage_was_shown": len(taught),
        "same": _shares(same, before, after),
        "paraphrase": _shares(paraphrased, before, after),
        "all": _shares([*same, *paraphrased], before, after),
        "where_shown": _shares(theirs, before, after),
        "unrelated": len(others),
        "unrelated_changed": len(changed) / len(others) if others else 0.0,
    }


def _shares(
    questions: Sequence[Noted], before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]
) -> dict[str, float]:
    count = max(len(questions), 1)
    return {
        "questions": len(questions),
        "right_before": sum(_is_right(one, before) for one in questions) / count,
        "right_after": sum(_is_right(one, after) for one in questions) / count,
    }


def _is_right(question: Noted, answers: dict[str, dict[str, Any]]) -> bool:
    return judge(question, answers[question.text]["content"], []).outcome == "right"


def _quoted(said: dict[str, Any]) -> str:
    """An answer without the numbers of its sources."""
    return CITED.sub("", said["content"])


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


@click.command("teach")
@notes_option(TEACHING)
@click.option("--json", "as_json", is_flag=True, help="Figures by dotted name instead of a table.")
def command(data: Path, *, as_json: bool) -> None:
    """Whether one correction changes the next answer, and no other. Takes five minutes."""
    found = run(data, console=Console(stderr=True))
    if as_json:
        click.echo(json.dumps(flattened(found, "teach"), indent=1))
        return
    table = Table("corrected once", "questions", "right before", "right after")
    for name in ("same", "paraphrase", "all", "where_shown"):
        row = found[name]
        shares = (f"{100 * row[key]:.0f} %" for key in ("right_before", "right_after"))
        table.add_row(name.replace("_", " "), str(row["questions"]), *shares)
    console = Console()
    console.print(table)
    changed, touched = (100 * found[name] for name in ("unrelated_changed", "unrelated_touched"))
    console.print(
        f"of {found['unrelated']} unrelated questions {changed:.1f} % were answered otherwise, for what was said "
        f"meanwhile is remembered too; {touched:.1f} % by a correction"
    )
