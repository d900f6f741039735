"""Sets of collections: LoCoMo, and folders of `items.jsonl` and `questions.jsonl`, one shape of data each."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from soma.bench.data import locomo
from soma.bench.data.collections import Collection, GoldQuestion
from soma.memory.types import NewMemory

ITEMS, QUESTIONS = "items.jsonl", "questions.jsonl"
METADATA = ("role", "speaker", "source")
DOCUMENT = "document:"  # how the conversation of a document's chunk begins
LOCOMO = "locomo"


def find_sets(data: Path) -> dict[str, Path]:
    """Find the sets in a folder or below it, by the names of their folders."""
    folders = [data, *sorted(folder for folder in data.rglob("*") if folder.is_dir())]
    found = {folder.name: folder for folder in folders if (folder / ITEMS).is_file() and (folder / QUESTIONS).is_file()}
    if (data / LOCOMO / "locomo10.json").is_file():
        found = {LOCOMO: data} | found
    return found


def load_set(name: str, folder: Path) -> list[Collection]:
    """Load the collections of one set that `find_sets` found."""
    return locomo.load(folder) if name == LOCOMO else read_set(folder)


def set_files(name: str, folder: Path) -> list[Path]:
    """Return the files that a set is read from."""
    return [folder / LOCOMO / "locomo10.json"] if name == LOCOMO else [folder / ITEMS, folder / QUESTIONS]


def read_set(folder: Path) -> list[Collection]:
    """Read a folder of `items.jsonl` and `questions.jsonl`; a collection without questions is left out."""
    items: dict[str, list[NewMemory]] = defaultdict(list)
    for item in _read_lines(folder / ITEMS):
        items[item["collection"]].append(_to_memory(item))
    asked: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for question in _read_lines(folder / QUESTIONS):
        asked[question["collection"]].append(question)
    kinds = sorted({question["kind"] for questions in asked.values() for question in questions})
    return [
        Collection(name, memories, _to_questions(asked[name], memories, kinds))
        for name, memories in items.items()
        if asked[name]
    ]


def _read_lines(file: Path) -> Iterator[Mapping[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _to_memory(item: Mapping[str, Any]) -> NewMemory:
    conversation = item.get("conversation")
    return NewMemory(
        text=item["text"],
        key=item["key"],
        kind="semantic" if str(conversation or "").startswith(DOCUMENT) else "episodic",
        occurred_at=item["occurred_at"],
        conversation_id=conversation,
        metadata={name: item[name] for name in METADATA if item.get(name)},
    )


def _to_questions(
    asked: Sequence[Mapping[str, Any]], memories: Sequence[NewMemory], kinds: Sequence[str]
) -> list[GoldQuestion]:
    """Return the questions in the order of being asked."""
    ordered = sorted(asked, key=lambda question: question.get("known", len(memories)))
    return [
        GoldQuestion(
            text=question["text"],
            gold=frozenset(question["gold"]),
            category=kinds.index(question["kind"]),
            asked_at=question.get("asked_at"),
            known=question.get("known"),
        )
        for question in ordered
    ]
