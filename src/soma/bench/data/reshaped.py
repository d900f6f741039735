"""Conversations as documents and as notes: what was tuned on chats must hold for other shapes of text."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from soma.bench.data.collections import Collection, GoldQuestion
from soma.memory.types import NewMemory

CHUNK = 4  # messages


def as_documents(conversation: Collection) -> Collection:
    """Make each session a document without authors, in chunks of a few messages."""
    sessions: dict[str | None, list[NewMemory]] = defaultdict(list)
    for message in conversation.messages:
        sessions[message.conversation_id].append(message)
    chunks: list[NewMemory] = []
    place: dict[str, str] = {}
    for session, messages in sessions.items():
        for start in range(0, len(messages), CHUNK):
            some = messages[start : start + CHUNK]
            key = f"{session}#{start}"
            chunks.append(_join(some, key, source=session))
            place |= {message.key: key for message in some if message.key}
    return _with_messages(conversation, chunks, place)


def as_notes(conversation: Collection) -> Collection:
    """Make each message a note of its own."""
    alone = [_join([message], str(message.key), source=None) for message in conversation.messages]
    return _with_messages(conversation, alone, {str(note.key): str(note.key) for note in alone})


def _join(messages: Sequence[NewMemory], key: str, *, source: str | None) -> NewMemory:
    lines = []
    for message in messages:
        image = f" [image: {message.metadata['image']}]" if "image" in message.metadata else ""
        lines.append(f"{message.metadata['speaker']}: {message.text}{image}")
    metadata = {"source": source} if source else {}
    return NewMemory(text="\n".join(lines), key=key, occurred_at=messages[0].occurred_at, metadata=metadata)


def _with_messages(conversation: Collection, messages: Sequence[NewMemory], place: dict[str, str]) -> Collection:
    questions = [
        GoldQuestion(asked.text, frozenset(place[key] for key in asked.gold), asked.category)
        for asked in conversation.questions
    ]
    return replace(conversation, messages=messages, questions=questions)
