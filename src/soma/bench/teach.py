"""`soma bench teach`: whether one correction changes the next answer of the offline model, and no other one.

Every question of `teaching.jsonl`, its paraphrases and its unrelated questions are asked twice: what changes between
is the drift of asking alone. Then each question that was not answered right is corrected once: of the memories that
were shown the one that holds the right passage is named helpful, with "down"; where none holds it, the passage is typed
as the correction. Then everything is asked again, and compared with the second time.

An unrelated answer has changed where it quotes something else, or quotes where it refused. Two refusals are the same
answer, though they count other numbers of memories: those whose words differ at all are counted too.
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

from soma.bench.data.note_questions import HONEST, Noted, judge
from soma.bench.data.real_data import FILES, notes_option
from soma.bench.flat import flattened
from soma.bench.offline import import_notes
from soma.bench.servers.soma_process import SomaProcess

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
        after = ask("asking once corrected")
        others = list(dict.fromkeys(text for case in wrong for text in case.unrelated))
        return _report(wrong, shown, before, after) | {
            "unrelated": {
                "questions": len(others),
                "changed_untaught": _share(answer_of(first[text]) != answer_of(before[text]) for text in others),
                "changed": _share(answer_of(before[text]) != answer_of(after[text]) for text in others),
                "in_other_words": _share(_quoted(before[text]) != _quoted(after[text]) for text in others),
                "touched": _share(_is_taught(soma, after[text]) for text in others),
            }
        }


def _texts(case: Case) -> list[str]:
    return [case.question.text, *(one.text for one in case.paraphrases), *case.unrelated]


def _correct(soma: SomaProcess, case: Case, said: dict[str, Any]) -> bool:
    """Whether the right passage was among what was shown: else it is typed."""
    trace = soma.get(f"/trace/{said['turn_id']}")
    memories = trace["iterations"][trace["answer_iteration"]]["recalled"]["memories"]
    helpful = [memory["id"] for memory in memories if _plain(case.right) in _plain(memory["text"])]
    word = {"thumb": -1, "helpful": helpful[:1]} if helpful else {"correction": case.right}
    soma.post("/feedback", {"turn_id": said["turn_id"], **word})
    return bool(helpful)


def _is_taught(soma: SomaProcess, said: dict[str, Any]) -> bool:
    """Whether a correction had a part in the answer."""
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
        "named": _share(shown.values()),
        "same": _shares(same, before, after),
        "paraphrase": _shares(paraphrased, before, after),
        "all": _shares([*same, *paraphrased], before, after),
        "where_named": _shares(named, before, after),
        "where_typed": _shares(typed, before, after),
    }


def _shares(questions: Sequence[Noted], before: Answers, after: Answers) -> dict[str, float]:
    return {
        "questions": len(questions),
        "right_before": _share(_is_right(one, before) for one in questions),
        "right_after": _share(_is_right(one, after) for one in questions),
    }


def _share(those: Iterable[bool]) -> float:
    found = list(those)
    return sum(found) / len(found) if found else 0.0


def _is_right(question: Noted, answers: Answers) -> bool:
    return judge(question, answers[question.text]["content"], []).outcome == "right"


def answer_of(said: dict[str, Any]) -> str:
    """What is quoted; empty for a refusal."""
    return "" if HONEST.match(said["content"]) else _quoted(said)


def _quoted(said: dict[str, Any]) -> str:
    """An answer without the numbers of its sources."""
    return CITED.sub("", said["content"])


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


@click.command("teach")
@notes_option(TEACHING)
@click.option("--json", "as_json", is_flag=True, help="Figures by dotted name instead of a table.")
def command(data: Path, *, as_json: bool) -> None:
    """Whether one correction changes the next answer, and no other. Takes two minutes."""
    found = run(data, console=Console(stderr=True))
    if as_json:
        click.echo(json.dumps(flattened(found, "teach"), indent=1))
        return
    table = Table("corrected once", "questions", "right before", "right after")
    for name in ("same", "paraphrase", "all", "where_named", "where_typed"):
        row = found[name]
        shares = (f"{100 * row[key]:.0f} %" for key in ("right_before", "right_after"))
        table.add_row(name.replace("_", " "), str(row["questions"]), *shares)
    console = Console()
    console.print(table)
    told = {name: f"{100 * share:.1f} %" for name, share in found["unrelated"].items()}
    console.print(
        f"of {found['unrelated']['questions']} unrelated questions {told['changed']} were answered otherwise, "
        f"{told['touched']} with a correction; {told['in_other_words']} in other words, and "
        f"{told['changed_untaught']} before anything was corrected"
    )
