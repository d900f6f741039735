"""Recorded hyperparameters: the log holds those that each update was computed with, by their digest.

So a replay after a change of settings, or of a default, still gives the same bits.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.modulators import Modulators, Profile
from soma.brain.core.weights import Views
from soma.events.database import Reader
from soma.events.facts.codec import Subject, draft, fact_of
from soma.events.facts.learning import LearnerConfigured
from soma.events.log import Log
from soma.events.transaction import Transaction

# What held before these fields were known: events that lack them were computed with these values.
BEFORE = {
    "tool_floor": 0.0,
    "citations_await_trust": False,
    "asked_again_credit": 0.0,
    "corrected_in_chat_credit": 0.0,
    "used_by_tool_credit": 0.0,
    "copied_credit": 0.0,
    "held_out_share": 0.0,
}
SETTINGS_SUBJECT = Subject(tenant_id="", stream="settings")  # facts of the process, of no tenant


def digest_of(hyperparameters: Hyperparameters) -> str:
    """First 16 hexadecimal digits of the SHA-256 of their JSON."""
    return sha256(msgspec.json.encode(hyperparameters)).hexdigest()[:16]


def read_hyperparameters(reads: Reader) -> dict[str, Hyperparameters]:
    """Read all that were ever recorded, by their digests."""
    facts = map(fact_of, Log(reads).read_stream(SETTINGS_SUBJECT.tenant_id, SETTINGS_SUBJECT.stream))
    return {fact.digest: _read(fact.hyperparameters) for fact in facts if isinstance(fact, LearnerConfigured)}


def record_hyperparameters(transaction: Transaction, hyperparameters: Hyperparameters) -> None:
    """Append them to the log, unless they are there."""
    digest = digest_of(hyperparameters)
    if digest not in read_hyperparameters(transaction):
        fact = LearnerConfigured(digest=digest, hyperparameters=msgspec.to_builtins(hyperparameters))
        transaction.append(draft(fact, SETTINGS_SUBJECT))


def _read(plain: Mapping[str, Any]) -> Hyperparameters:
    """Parse the JSON of an event; early events hold the records in it as arrays."""
    views, profile = _by_name(Views, plain["views"]), _by_name(Profile, plain["profile"])
    levels = {name: _by_name(Modulators, value) for name, value in profile.items() if name != "name"}
    return msgspec.convert({**BEFORE, **plain, "views": views, "profile": profile | levels}, type=Hyperparameters)


def _by_name(kind: type[msgspec.Struct], value: Any) -> dict[str, Any]:
    return dict(zip(kind.__struct_fields__, value, strict=True)) if isinstance(value, list) else value
