"""Formats in which each line or message is a memory: JSON lines and LoCoMo. Reads the file, sends nothing."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from soma.cli.imports.files import ENDINGS, NotImportable, read_file
from soma.cli.imports.report import warn_of_encoding
from soma.process.reasons import reason_of

Item = dict[str, Any]

FORMATS = ("text", "markdown", "jsonl", "locomo")
SESSION = re.compile(r"session_(\d+)")
LOCOMO_TIME = "%I:%M %p on %d %B, %Y"


def read_lines(path: Path, kind: str, *, conversation: int | None = None) -> list[str]:
    """Return the memories of a file, each as a line of JSON. Raises NotImportable."""
    if path.is_dir():
        raise NotImportable(f"{path} is a folder: only the formats {' and '.join(ENDINGS)} accept one")
    try:
        read = read_file(path, may_wait=True)
    except (NotImportable, OSError) as error:
        raise NotImportable(f"{path} {reason_of(error)}") from error
    warn_of_encoding(str(path), read.encoding)
    text = read.text
    if conversation is not None and kind != "locomo":
        raise NotImportable("--conversation requires --format locomo")
    try:
        lines = text.split("\n") if kind == "jsonl" else [json.dumps(item) for item in _locomo(text, conversation)]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotImportable(f"{path} is not in the format {kind}: {error}") from error
    if not any(line.strip() for line in lines):
        raise NotImportable(f"{path} holds nothing to remember")
    return lines  # not splitlines: a text may contain U+2028, which does not end a line of JSON


def _locomo(text: str, conversation: int | None) -> Iterator[Item]:
    """Yield each message of LoCoMo as a memory; each session is a conversation of its own."""
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
