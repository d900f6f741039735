"""Constants are put on record once and read back whole, also from the log of an early version."""

import msgspec

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.modulators import UNIT
from soma.brain.learners.hyperparameters import (
    SETTINGS_SUBJECT,
    digest_of,
    read_hyperparameters,
    record_hyperparameters,
)
from soma.events.facts.codec import draft
from soma.events.facts.learning import LearnerConfigured

CONSTANTS = Hyperparameters(profile=UNIT, doubt=0.25)


async def test_constants_are_put_on_record_once(opened):
    before = read_hyperparameters(opened.writer.database)
    for _ in range(2):
        await opened.writer.write(lambda tx: record_hyperparameters(tx, CONSTANTS))
    assert read_hyperparameters(opened.writer.database) == before | {digest_of(CONSTANTS): CONSTANTS}


async def test_constants_from_before_the_floor_of_tools_replay_without_one(opened):
    told = msgspec.to_builtins(CONSTANTS)
    del told["tool_floor"]
    fact = LearnerConfigured(digest="before", hyperparameters=told)
    await opened.writer.write(lambda tx: tx.append(draft(fact, SETTINGS_SUBJECT)))
    assert read_hyperparameters(opened.writer.database)["before"].tool_floor == 0.0


async def test_constants_from_before_citations_awaited_trust_replay_without_waiting(opened):
    told = msgspec.to_builtins(CONSTANTS)
    del told["citations_await_trust"]
    fact = LearnerConfigured(digest="before", hyperparameters=told)
    await opened.writer.write(lambda tx: tx.append(draft(fact, SETTINGS_SUBJECT)))
    assert not read_hyperparameters(opened.writer.database)["before"].citations_await_trust


async def test_constants_from_before_credit_that_nobody_gives_replay_without_it(opened):
    told = msgspec.to_builtins(CONSTANTS)
    names = ["asked_again_credit", "corrected_in_chat_credit", "used_by_tool_credit", "copied_credit"]
    for name in names:
        del told[name]
    fact = LearnerConfigured(digest="before", hyperparameters=told)
    await opened.writer.write(lambda tx: tx.append(draft(fact, SETTINGS_SUBJECT)))
    read = read_hyperparameters(opened.writer.database)["before"]
    assert [getattr(read, name) for name in names] == [0.0] * 4


async def test_constants_whose_records_an_early_version_wrote_as_arrays_are_read(opened):
    told = msgspec.to_builtins(CONSTANTS)
    profile = [list(level.values()) if isinstance(level, dict) else level for level in told["profile"].values()]
    early = told | {"views": list(told["views"].values()), "profile": profile}
    fact = LearnerConfigured(digest="early", hyperparameters=early)
    await opened.writer.write(lambda tx: tx.append(draft(fact, SETTINGS_SUBJECT)))
    assert read_hyperparameters(opened.writer.database)["early"] == CONSTANTS
