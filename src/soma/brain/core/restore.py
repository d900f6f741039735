"""Restore: put a learner back to an earlier state, to the bit."""

from dataclasses import dataclass

from msgspec.structs import replace

from soma.brain.core.state import LearnerState


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """The way back to an earlier state of the same learner, for a reason that the event names."""

    snapshot: LearnerState
    reason: str


def restore(state: LearnerState, back: Restore) -> LearnerState:
    """Put back weights, accumulators, trust, baseline, modulators, calibration, tools and guard.

    The version goes on, for it counts events. Values of memories are not part of the state: whoever restores puts them
    back too (`feedback/memory_values.py`).
    """
    return replace(back.snapshot, version=state.version + 1, values_version=state.values_version)
