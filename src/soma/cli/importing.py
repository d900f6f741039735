"""Files of other shapes as memories (pure but for reading the file)."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Item = dict[str, Any]
Document = dict[str, Any]

FORMATS = ("text", "markdown", "jsonl", "locomo")
ENDINGS = {"text": frozenset({".txt", ".text"}), "markdown": frozenset({".md", ".markdown", ".mdown"})}
ITEM = re.compile(r"items[.\[](?P<item>\d+)\]?\.?(?P<field>.*)")  # as the agent or the brain names one
SESSION = re.compile(r"session_(\d+)")
LONGEST_TEXT = 1_500  # characters: about as far as the embedder reads
LOCOMO_TIME = "%I:%M %p on %d %B, %Y"


class NotImportable(Exception):
    """The file is not what its format says; the message names the place."""


def read_documents(path: Path, kind: str) -> list[Document]:
    """The file, or all files of a folder whose ending is the format's, by their names within it."""
    if not path.is_dir():
        return [_document(path, path.name, kind)]
    found = [file for file in path.rglob("*") if file.suffix.lower() in ENDINGS[kind] and not _hidden(file, path)]
    filled = [file for file in sorted(found) if file.stat().st_size]
    documents = [_document(file, file.relative_to(path).as_posix(), kind) for file in filled]
    if not documents:
        raise NotImportable(f"{path} holds no {' or '.join(sorted(ENDINGS[kind]))}")
    return documents


def _document(path: Path, name: str, kind: str) -> Document:
    text = _read(path)
    if not text.strip():
        raise NotImportable(f"{path} holds nothing to remember")
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return {"name": name, "text": text, "format": kind, "written_at": written.isoformat()}


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")  # not read_text, which would change line ends and so places
    except UnicodeDecodeError as error:
        raise NotImportable(f"{path} is not UTF-8 text: {error}") from error


def read_items(path: Path, kind: str, *, conversation: int | None = None) -> list[Item]:
    """The memories of a file, ready for `remember`. Raises NotImportable before anything was sent."""
    if path.is_dir():
        raise NotImportable(f"{path} is a folder, which only {' and '.join(ENDINGS)} take")
    text = _read(path)
    if conversation is not None and kind != "locomo":
        raise NotImportable("--conversation goes with --format locomo")
    readers = {
        "locomo": lambda: _locomo(text, conversation),
        "jsonl": lambda: _jsonl(text),
    }
    try:
        items = list(readers[kind]())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotImportable(f"{path} is not in the format {kind}: {error}") from error
    if not items:
        raise NotImportable(f"{path} holds nothing to remember")
    return items


def place_in(path: Path, kind: str, start: int, field: str) -> str:
    """A field as the server names it, by its line where the file has lines; `start` is the first item that was sent."""
    match = ITEM.fullmatch(field)
    if kind != "jsonl" or match is None:
        return field
    lines = [number for number, line in enumerate(_read(path).splitlines(), 1) if line.strip()]
    return ", ".join(filter(None, (f"line {lines[start + int(match['item'])]}", match["field"])))


def _locomo(text: str, conversation: int | None) -> Iterator[Item]:
    """LoCoMo: each message is a memory, each session a conversation of its own."""
    samples = json.loads(text)
    if conversation is not None and not 0 <= conversation < len(samples):
        raise NotImportable(f"there is no conversation {conversation}: they are numbered 0 to {len(samples) - 1}")
    for sample in samples if conversation is None else [samples[conversation]]:
        yield from _locomo_sample(sample["sample_id"], sample["conversation"])


def _locomo_sample(sample_id: str, sessions: dict[str, Any]) -> Iterator[Item]:
    numbers = sorted(int(match[1]) for name in sessions if (match := SESSION.fullmatch(name)))
    for number in numbers:
        at = datetime.strptime(sessions[f"session_{number}_date_time"], LOCOMO_TIME).replace(tzinfo=UTC)
        for message in sessions[f"session_{number}"]:
            image = {"image": message["blip_caption"]} if message.get("blip_caption") else {}
            yield {
                "key": f"{sample_id}/{message['dia_id']}",
                "text": message["text"],
                "occurred_at": at.isoformat(),
                "conversation_id": f"{sample_id}/session_{number}",
                "metadata": {"speaker": message["speaker"], "source": f"{sample_id} {message['dia_id']}", **image},
            }


def _jsonl(text: str) -> Iterator[Item]:
    """One JSON object a line, with the fields of `remember`; `text` is required."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except json.JSONDecodeError as error:
            raise NotImportable(f"line {number} is not JSON: {error}") from error
        if not isinstance(item, dict) or not isinstance(item.get("text"), str):
            raise NotImportable(f"line {number} is not an object with a `text`")
        if not item["text"].strip():
            raise NotImportable(f"line {number} has an empty `text`")
        _check_time(item.get("occurred_at"), number)
        yield item


def _check_time(at: Any, number: int) -> None:
    if at is None:
        return
    try:
        datetime.fromisoformat(at)
    except (TypeError, ValueError) as error:
        raise NotImportable(f"line {number}: `occurred_at` is not an ISO 8601 time: {at!r}") from error
