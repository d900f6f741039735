"""The targets of feedback: the bundle, the turn and its last iteration, looked up before the write."""

from collections.abc import Sequence

import msgspec

from soma.brain.context.bundles import find_bundles
from soma.brain.feedback.meaning import FeedbackWithTarget, key_of
from soma.brain.feedback.rows import list_outcomes
from soma.brain.feedback.statements import statements_of
from soma.brain.learners.reward_gate import WITHDRAWN, Void, find_denied, is_withdrawn
from soma.brain.types import Principal
from soma.brain.wire.requests import Feedback, TurnMetrics
from soma.events.database import Reader


def find_target(reads: Reader, principal: Principal, body: Feedback) -> FeedbackWithTarget:
    """Return one feedback with its target and what it states."""
    [feedback] = find_targets(reads, principal, [body])
    return feedback._replace(statements=statements_of(principal, body))


def find_targets(
    reads: Reader, principal: Principal, bodies: Sequence[Feedback], *, are_keyed: bool = True
) -> list[FeedbackWithTarget]:
    """Return each feedback with its target. Items of a batch that has a key of its own need none: `are_keyed` False."""
    bundles = find_bundles(reads, principal, [body.bundle_id for body in bodies if body.bundle_id])
    turns = {turn_id: _find_turn(reads, principal, turn_id) for turn_id in {body.turn_id for body in bodies} if turn_id}
    return [
        FeedbackWithTarget(
            principal,
            body,
            key_of(principal, body) if are_keyed or body.idempotency_key else None,
            bundles.get(body.bundle_id) if body.bundle_id else None,
            *turns.get(body.turn_id or "", (None, None)),
        )
        for body in bodies
    ]


def _find_turn(reads: Reader, principal: Principal, turn_id: str) -> tuple[TurnMetrics | None, Void | None]:
    """Return the newest iteration of a turn, and why verdicts on it teach nothing, if so."""
    found = [msgspec.json.decode(body, type=TurnMetrics) for body in list_outcomes(reads, principal, turn_id)]
    if is_withdrawn(reads, principal, turn_id):
        return (found[-1] if found else None), Void(WITHDRAWN)
    return (found[-1] if found else None), find_denied((one.iteration_number, one.tool_outcomes) for one in found)
