"""Chunks read as an answer, short to write in tests."""

import json
from typing import Any

import msgspec

from soma.agent.llm.base import Delta, ModelResponse, gather
from soma.agent.llm.providers.chunks import ChunkReader

from .provider import chunk

STOP = chunk(finish_reason="stop")
HALVES = ("\\ud83d", "\\ude00")  # of one emoji, escaped as JSON does


def read(*chunks: Any, max_output_tokens: int = 1_024, offered: tuple[str, ...] = ()) -> ModelResponse:
    """The answer of chunks, as storage would give it back."""
    reader = ChunkReader(seed=7, max_output_tokens=max_output_tokens, offered=offered)
    deltas: list[Delta] = []
    for one in chunks:
        if not reader.is_over:
            deltas += reader.read(one if isinstance(one, str) else json.dumps(one))
    stored = msgspec.json.encode([*deltas, *reader.finish()])
    assert b"\\u0000" not in stored.replace(b"\\\\", b"")  # a NUL, not a backslash before u0000
    return gather(msgspec.json.decode(stored, type=list[Delta]))


def read_calls(*chunks: Any, offered: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    return [(call.name, call.arguments) for call in read(*chunks, offered=offered).tool_calls]


def piece(name: Any = None, arguments: Any = None, *, index: Any = 0, call_id: Any = None) -> dict[str, Any]:
    """One piece of a call; what is None is not there."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    outer = {key: value for key, value in (("index", index), ("id", call_id)) if value is not None}
    return chunk({"tool_calls": [{**outer, "type": "function", "function": function}]})
