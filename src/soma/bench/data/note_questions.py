"""Questions about a folder of notes, and whether an answer is right. Pure, but for reading the questions."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

QUESTIONS = "questions.jsonl"
ABSENT = "not_in_notes"
HONEST = re.compile(r"^(?:I don['’]t know\b|Your notes do not\b|Ich weiß es nicht\b|Je ne sais pas\b|No lo sé\b)")

Outcome = Literal["right", "wrong", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A question with what a right answer holds: all of `answer`, each in any of its forms, and nothing of `never`.

    `files` hold the passages; any of them may be cited.
    """

    id: str
    kind: str
    text: str
    answer: Sequence[str] = ()
    also: Mapping[str, Sequence[str]] = field(default_factory=dict)
    never: Sequence[str] = ()
    files: frozenset[str] = frozenset()
    history: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What was said to a question, and whether a passage that answers it was cited."""

    question: Noted
    text: str
    outcome: Outcome
    is_cited_right: bool


def load(data: Path) -> list[Noted]:
    lines = (data / QUESTIONS).read_text("utf-8").splitlines()
    return [_noted(json.loads(line)) for line in lines if line.strip()]


def judge(question: Noted, text: str, cited: Sequence[str]) -> Answered:
    """`cited` are the names of the documents that the answer cites."""
    return Answered(
        question=question,
        text=text,
        outcome=_outcome(question, text),
        is_cited_right=not question.files.isdisjoint(cited),
    )


def figures(answered: Sequence[Answered]) -> dict[str, float]:
    """Shares: of questions that a passage answers, `absent_honest` of those that none does, and of right answers
    those that cite a passage's document.
    """
    stated = [one for one in answered if one.question.kind != ABSENT]
    absent = [one for one in answered if one.question.kind == ABSENT]
    right = [one for one in stated if one.outcome == "right"]
    shares = {outcome: _share([one.outcome == outcome for one in stated]) for outcome in ("right", "wrong", "refused")}
    return {
        "questions": len(answered),
        **shares,
        "citation_right": _share([one.is_cited_right for one in right]),
        "absent_honest": _share([one.outcome == "right" for one in absent]),
    }


def by_kind(answered: Sequence[Answered]) -> dict[str, list[Answered]]:
    kinds: dict[str, list[Answered]] = {}
    for one in answered:
        kinds.setdefault(one.question.kind, []).append(one)
    return kinds


def _outcome(question: Noted, text: str) -> Outcome:
    if HONEST.match(text):
        return "right" if question.kind == ABSENT else "refused"
    if question.kind == ABSENT:
        return "wrong"
    said = _plain(text)
    holds = all(any(_stands(form, said) for form in (part, *question.also.get(part, ()))) for part in question.answer)
    return "right" if holds and not any(_stands(part, said) for part in question.never) else "wrong"


def _stands(part: str, said: str) -> bool:
    """Whether it stands there at the boundaries of words: "3 June" does not in "23 June"."""
    return re.search(rf"(?<!\w){re.escape(_plain(part))}(?!\w)", said) is not None


def _plain(text: str) -> str:
    return " ".join(text.replace("**", "").casefold().split())


def _share(those: Sequence[bool]) -> float:
    return sum(those) / len(those) if those else 0.0


def _noted(line: Mapping[str, object]) -> Noted:
    def texts(name: str) -> list[str]:
        value = line.get(name)
        return [str(one) for one in value] if isinstance(value, list) else []

    also = line.get("also")
    forms = also.get("answer", also) if isinstance(also, dict) else {}
    more = [place for name in ("alt", "more") for place in _places(line.get(name))]
    files = [str(line["file"])] if line.get("file") else []
    return Noted(
        id=str(line["id"]),
        kind=str(line["kind"]),
        text=str(line["question"]),
        answer=texts("answer"),
        also=forms,
        never=texts("not"),
        files=frozenset([*files, *more]),
        history=texts("history"),
    )


def _places(value: object) -> list[str]:
    return [str(place["file"]) for place in value] if isinstance(value, list) else []
