"""Files of other shapes as memories (pure but for reading the file)."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import Any

Item = dict[str, Any]

FORMATS = ("locomo", "text", "jsonl")
SESSION = re.compile(r"session_(\d+)")
LONGEST_TEXT = 1_500  # characters: about as far as the embedder reads
LOCOMO_TIME = "%I:%M %p on %d %B, %Y"


class NotImportable(Exception):
    """The file is not what its format says; the message names the place."""


def read_items(path: Path, kind: str, *, conversation: int | None = None) -> list[Item]:
    """The memories of a file, ready for `remember`. Raises NotImportable before anything was sent."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise NotImportable(f"{path} is not UTF-8 text: {error}") from error
    if conversation is not None and kind != "locomo":
        raise NotImportable("--conversation goes with --format locomo")
    readers = {
        "locomo": lambda: _locomo(text, conversation),
        "text": lambda: _text(text, path),
        "jsonl": lambda: _jsonl(text),
    }
    try:
        items = list(readers[kind]())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotImportable(f"{path} is not in the format {kind}: {error}") from error
    if not items:
        raise NotImportable(f"{path} holds nothing to remember")
    return items


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


def _text(text: str, path: Path) -> Iterator[Item]:
    """Plain text: each paragraph is a memory, a very long one several."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text), 1):
        for piece, words in enumerate(wrap(" ".join(paragraph.split()), LONGEST_TEXT), 1):
            yield {
                "key": f"{path.name}#{number}" if piece == 1 else f"{path.name}#{number}.{piece}",
                "text": words,
                "conversation_id": f"file/{path.name}",
                "metadata": {"source": f"{path.name}, paragraph {number}"},
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
        yield item
