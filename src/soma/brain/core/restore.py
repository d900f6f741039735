"""Rollback: everything as it was, to the bit."""

from dataclasses import dataclass

from msgspec.structs import replace

from soma.brain.core.state import LearnerState


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """Back to an earlier state of the same learner, for a reason that the event names."""

    snapshot: LearnerState
    reason: str


def restore(state: LearnerState, back: Restore) -> LearnerState:
    """Weights, accumulators, trust, baseline, modulators, calibration, tools, guard.

    The version goes on, for it counts events. The values of memories are not its own: the shell follows.
    """
    return replace(back.snapshot, version=state.version + 1, values_version=state.values_version)
