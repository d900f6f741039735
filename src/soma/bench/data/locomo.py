"""LoCoMo: ten long conversations as memories and questions, with gold evidence for each (CC BY-NC 4.0)."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from soma.bench.data.collections import Collection, GoldQuestion
from soma.memory.types import NewMemory

SESSION = re.compile(r"session_(\d+)")
EVIDENCE = re.compile(r"D:?(\d+):(\d+)")
TIME = "%I:%M %p on %d %B, %Y"
CATEGORIES = {4: "single-hop", 1: "multi-hop", 2: "temporal", 3: "open-domain", 5: "adversarial"}


def load(folder: Path, *, audited: bool = False) -> list[Collection]:
    """Load all conversations; with `audited`, replace wrong citations by those of locomo-audit."""
    samples = json.loads((folder / "locomo" / "locomo10.json").read_text("utf-8"))
    corrections = _corrections(folder) if audited else {}
    return [_conversation(number, sample, corrections) for number, sample in enumerate(samples)]


def _corrections(folder: Path) -> dict[str, Sequence[str]]:
    errors = json.loads((folder / "locomo" / "audit_errors.json").read_text("utf-8"))
    return {error["question_id"]: error["correct_evidence"] for error in errors if error.get("correct_evidence")}


def _conversation(number: int, sample: Mapping[str, Any], corrections: Mapping[str, Sequence[str]]) -> Collection:
    messages = list(_messages(sample["sample_id"], sample["conversation"]))
    keys = {message.key for message in messages}
    questions = []
    for place, asked in enumerate(sample["qa"]):
        cited = _keys_of(sample["sample_id"], asked["evidence"]) & keys
        corrected = _keys_of(sample["sample_id"], corrections.get(f"locomo_{number}_qa{place}", ())) & keys
        if cited:  # a correction that names no message does not replace the citation
            questions.append(GoldQuestion(asked["question"], corrected or cited, asked["category"]))
    return Collection(sample["sample_id"], messages, questions)


def _keys_of(name: str, evidence: Sequence[str]) -> frozenset[str]:
    return frozenset(f"{name}/D{session}:{place}" for text in evidence for session, place in EVIDENCE.findall(text))


def _messages(name: str, sessions: Mapping[str, Any]) -> Iterator[NewMemory]:
    numbers = sorted(int(match[1]) for key in sessions if (match := SESSION.fullmatch(key)))
    for number in numbers:
        at = datetime.strptime(sessions[f"session_{number}_date_time"], TIME).replace(tzinfo=UTC)
        for message in sessions[f"session_{number}"]:
            image = {"image": message["blip_caption"]} if message.get("blip_caption") else {}
            session, place = EVIDENCE.findall(message["dia_id"])[0]
            yield NewMemory(
                text=message["text"],
                key=f"{name}/D{session}:{place}",
                occurred_at=at.isoformat(),
                conversation_id=f"{name}/session_{number}",
                metadata={"speaker": message["speaker"], **image},
            )
