"""Payloads are a promise: what an older version has written is read for ever.

A stored example is never changed. A new kind of event, or a new version of one, gets an example of its own.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from soma.events.chain import Event, Head, place
from soma.events.facts.base import Fact
from soma.events.facts.codec import Subject, draft, fact_of
from soma.events.facts.registry import FACTS

EXAMPLES = Path(__file__).parent / "examples"
STORED = sorted(EXAMPLES.glob("*.json"))


def name_of(fact: type[Fact]) -> str:
    return f"{fact.event_type}.v{fact.version}.json"


def stored(file: Path) -> Event:
    """An event of the log with the example as its payload."""
    event_type, version = file.name.removesuffix(".json").rsplit(".v", 1)
    fact = FACTS[event_type, int(version)]
    made = draft(msgspec.json.decode(file.read_bytes(), type=fact), Subject(tenant_id="acme", stream="s"))
    given = msgspec.structs.replace(made, payload=file.read_text())
    return place(given, head=Head(), position=1, conversation_position=None)


def test_every_kind_of_fact_is_registered():
    assert set(FACTS.values()) == set(Fact.__subclasses__())


def test_every_fact_has_an_example_and_every_example_still_has_its_fact():
    assert {file.name for file in STORED} == {name_of(fact) for fact in FACTS.values()}


@pytest.mark.parametrize("file", STORED, ids=lambda file: file.stem)
def test_a_stored_example_reads_back_with_nothing_lost(file):
    fact = fact_of(stored(file))
    assert fact is not None
    example, now = json.loads(file.read_bytes()), json.loads(msgspec.json.encode(fact))
    assert holds(now, example)


def holds(now: Any, example: Any) -> bool:
    """Whether all of the example is still there; a part, too, may have gained names since."""
    if isinstance(example, dict):
        return isinstance(now, dict) and all(name in now and holds(now[name], example[name]) for name in example)
    if isinstance(example, list):
        return isinstance(now, list) and len(now) == len(example) and all(map(holds, now, example))
    return bool(now == example)


@pytest.mark.parametrize("fact", FACTS.values(), ids=lambda fact: fact.event_type)
def test_what_was_added_later_may_be_absent(fact):
    example = json.loads((EXAMPLES / name_of(fact)).read_bytes())
    required = {field.name for field in msgspec.structs.fields(fact) if field.required}
    older = {name: value for name, value in example.items() if name in required}
    assert isinstance(msgspec.convert(older, fact), fact)


def test_an_erased_payload_reads_as_nothing_and_an_unknown_kind_is_an_error():
    event = stored(EXAMPLES / "chat.draft_replaced.v1.json")
    assert fact_of(msgspec.structs.replace(event, payload=None)) is None
    with pytest.raises(KeyError):
        fact_of(msgspec.structs.replace(event, event_type="chat.from_the_future"))
