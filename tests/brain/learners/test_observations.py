"""Observations are read from the log by the words that it has always held, whatever their classes are called."""

import msgspec
import pytest

from soma.brain.core.observations import (
    AnswerVerdict,
    Evidence,
    EvidenceSource,
    IterationOutcome,
    ShownMemory,
    ToolCallOutcome,
)
from soma.brain.core.promotion import Promotion
from soma.brain.learners.observations import Learnable, decode_observation, parse_observation

STORED: list[tuple[str, Learnable]] = [
    (
        '{"kind":"evidence","views":["semantic"],"shown":[["m1",[65535]],["m2",[0]]],"helpful":["m1"],"source":"model"}',
        Evidence(
            views=("semantic",),
            shown=(ShownMemory("m1", (65535,)), ShownMemory("m2", (0,))),
            helpful=("m1",),
            source=EvidenceSource.MODEL,
        ),
    ),
    ('{"kind":"answer","thumb":-1,"tools":["clock"]}', AnswerVerdict(thumb=-1, tools=("clock",))),
    (
        '{"kind":"outcome","tool_outcomes":[["clock",true]],"confidence":0.8,"only_felt":true}',
        IterationOutcome(tool_outcomes=(ToolCallOutcome("clock", ok=True),), confidence=0.8, only_felt=True),
    ),
    (
        '{"kind":"promotion","changes":[["alpha",0.2]],"reason":"won"}',
        Promotion(changes=(("alpha", 0.2),), reason="won"),
    ),
]


@pytest.mark.parametrize(("stored", "observation"), STORED)
def test_a_stored_observation_is_read_and_written_as_it_was(stored: str, observation: Learnable) -> None:
    assert parse_observation(msgspec.json.decode(stored)) == observation
    assert decode_observation(msgspec.Raw(stored.encode())) == observation
    assert msgspec.json.encode(observation).decode() == stored
