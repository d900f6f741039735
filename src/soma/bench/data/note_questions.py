"""Questions about a folder of notes, and the judgement of answers to them. Pure except for `load`."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

QUESTIONS = "questions.jsonl"
ABSENT = "not_in_notes"
HONEST = re.compile(r"^(?:I don['’]t know\b|Your notes do not\b|Ich weiß es nicht\b|Je ne sais pas\b|No lo sé\b)")

Outcome = Literal["right", "wrong", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteQuestion:
    """A question; a right answer holds every part of `answer`, each in any of its forms, and none of `never`.

    `files` are the documents that hold the answer; any of them may be cited.
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
class JudgedAnswer:
    """An answer to a question, with its outcome, and whether it cites a document that answers the question."""

    question: NoteQuestion
    text: str
    outcome: Outcome
    is_cited_right: bool


def load(data: Path) -> list[NoteQuestion]:
    lines = (data / QUESTIONS).read_text("utf-8").splitlines()
    return [_read_question(json.loads(line)) for line in lines if line.strip()]


def judge(question: NoteQuestion, text: str, cited: Sequence[str]) -> JudgedAnswer:
    """Judge an answer; `cited` are the names of the documents that it cites."""
    return JudgedAnswer(
        question=question,
        text=text,
        outcome=_outcome(question, text),
        is_cited_right=not question.files.isdisjoint(cited),
    )


def figures(answered: Sequence[JudgedAnswer]) -> dict[str, float]:
    """Shares in [0, 1]: the outcomes of questions that the notes answer, of which right answers cite a right document,
    and `absent_honest`, the honest answers to questions that the notes do not answer.
    """
    stated = [one for one in answered if one.question.kind != ABSENT]
    absent = [one for one in answered if one.question.kind == ABSENT]
    right = [one for one in stated if one.outcome == "right"]
    shares = {
        outcome: share_of([one.outcome == outcome for one in stated]) for outcome in ("right", "wrong", "refused")
    }
    return {
        "questions": len(answered),
        **shares,
        "citation_right": share_of([one.is_cited_right for one in right]),
        "absent_honest": share_of([one.outcome == "right" for one in absent]),
    }


def group_by_kind(answered: Sequence[JudgedAnswer]) -> dict[str, list[JudgedAnswer]]:
    kinds: dict[str, list[JudgedAnswer]] = {}
    for one in answered:
        kinds.setdefault(one.question.kind, []).append(one)
    return kinds


def _outcome(question: NoteQuestion, text: str) -> Outcome:
    if HONEST.match(text):
        return "right" if question.kind == ABSENT else "refused"
    if question.kind == ABSENT:
        return "wrong"
    said = _plain(text)
    holds = all(any(_contains(form, said) for form in (part, *question.also.get(part, ()))) for part in question.answer)
    return "right" if holds and not any(_contains(part, said) for part in question.never) else "wrong"


def _contains(part: str, said: str) -> bool:
    """Return whether the text contains the part as whole words: "23 June" does not contain "3 June"."""
    return re.search(rf"(?<!\w){re.escape(_plain(part))}(?!\w)", said) is not None


def _plain(text: str) -> str:
    return " ".join(text.replace("**", "").casefold().split())


def share_of(flags: Iterable[bool]) -> float:
    """Return the share of true flags; 0 if there are none."""
    all_flags = list(flags)
    return sum(all_flags) / len(all_flags) if all_flags else 0.0


def _read_question(line: Mapping[str, object]) -> NoteQuestion:
    def texts(name: str) -> list[str]:
        value = line.get(name)
        return [str(one) for one in value] if isinstance(value, list) else []

    also = line.get("also")
    forms = also.get("answer", also) if isinstance(also, dict) else {}
    more = [place for name in ("alt", "more") for place in _files(line.get(name))]
    files = [str(line["file"])] if line.get("file") else []
    return NoteQuestion(
        id=str(line["id"]),
        kind=str(line["kind"]),
        text=str(line["question"]),
        answer=texts("answer"),
        also=forms,
        never=texts("not"),
        files=frozenset([*files, *more]),
        history=texts("history"),
    )


def _files(value: object) -> list[str]:
    return [str(place["file"]) for place in value] if isinstance(value, list) else []
