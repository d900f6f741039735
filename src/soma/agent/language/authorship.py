"""Authorship of memories, as their metadata claim it: speaker, author, and what it can prove. Pure."""

from collections.abc import Mapping
from typing import Any

from soma.agent.language.speech import is_statement
from soma.agent.language.words import sentences

LONGEST_NAME = 80  # characters of a claimed speaker's name


def provable_text(text: str, metadata: Mapping[str, Any]) -> str:
    """Return the part of a memory that is evidence.

    The model's own answers prove nothing, the user's messages only what they state.
    """
    match metadata.get("role"):
        case "assistant":
            return ""
        case "user":
            return " ".join(filter(is_statement, sentences(text)))
        case _:
            return text


def speaker_of(metadata: Mapping[str, Any], *, is_shared: bool = False) -> str | None:
    """Return the claimed speaker. A shared memory is no message of a conversation, so its `role` is not read."""
    claimed = metadata.get("speaker") or (None if is_shared else metadata.get("role"))
    return claimed if isinstance(claimed, str) else None


def attribution(author: str, metadata: Mapping[str, Any]) -> str:
    """Say who wrote a shared memory: its verified author, even where its metadata name another speaker."""
    speaker = metadata.get("speaker")
    claimed = " ".join(speaker.split())[:LONGEST_NAME] if isinstance(speaker, str) else ""
    if claimed in {"", author}:
        return f"written by {author}"
    return f'written by {author}, who names "{claimed}" as the speaker'


def count_sources(metadata: Mapping[str, Any]) -> int:
    """Count the memories that a summary was made from; 0 for a memory that is no summary."""
    if "synthesised" not in metadata:
        return 0
    sources = metadata.get("sources")
    return max(1, len(sources)) if isinstance(sources, list) else 1
