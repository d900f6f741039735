"""Statements of a batch: the last on each target is learned, unless it stands already or the person's day is full."""

from collections.abc import Iterator, Sequence

from soma.brain.feedback.statements import (
    BOUND,
    EVIDENCE,
    REPLACED,
    VERDICT,
    LearnedStatement,
    StandingStatement,
    Statement,
    StatementDecision,
    Target,
    citation_of,
    decide,
    drop_rolled_back,
    find_standing,
    statement_of,
    targets_of,
)
from soma.brain.types import Principal
from soma.brain.wire.requests import Feedback
from soma.events.database import Reader

DAY_IS_FULL = StatementDecision({EVIDENCE: BOUND, VERDICT: BOUND})
AHEAD = 250  # statements that are looked up together


class BatchStatements:
    """Decides item by item, in their order; nothing is worked out for statements that the day has no room for.

    `version` is that of the learner before the batch, `left` how many statements the person may still teach today, by
    aspect.
    """

    def __init__(
        self, reads: Reader, principal: Principal, version: int, bodies: Sequence[Feedback], left: dict[str, int]
    ) -> None:
        self._reads = reads
        self._principal = principal
        self._version = version
        self._bodies = bodies
        self._left = left
        has_room = any(room > 0 for room in left.values())
        self._targets = [tuple(targets_of(body)) for body in bodies] if has_room else []
        self._last: dict[Target, int] = {
            target: number for number, targets in enumerate(self._targets) for _, target in targets
        }
        self._statements: dict[int, tuple[Statement, ...]] = {}
        self._known: dict[str, StandingStatement] = {}
        self._standing: dict[str, StandingStatement] = {}
        self.learned: list[LearnedStatement] = []
        self.replaced: set[int] = set()

    def decide_item(self, number: int) -> tuple[tuple[Statement, ...], StatementDecision]:
        """Return the statements of an item that may be learned, and why others are not."""
        targets = self._targets[number] if self._targets else ()
        if not any(self._left[aspect] > 0 for aspect, _ in targets):
            return (), DAY_IS_FULL
        refused: dict[str, str] = {}
        for aspect, target in targets:
            if self._left[aspect] < 1:
                refused[aspect] = BOUND
            elif self._last[target] != number:
                refused[aspect] = REPLACED
        found = self._find_statements(number)
        if not refused:
            return found, decide(found, self._standing, self._left)
        found = tuple(one for one in found if one.aspect not in refused)
        decision = decide(found, self._standing, self._left)
        return found, StatementDecision({**refused, **decision.refused}, decision.replaced)

    def add_learned(
        self,
        item: Feedback,
        statements: Sequence[Statement],
        decision: StatementDecision,
        versions: dict[str, int],
        feedback_id: str,
    ) -> None:
        """Add what was learned at `versions`, by aspect. What a model cited of the item's bundle no longer stands."""
        if versions and item.bundle_id:
            cited = self._standing.get(citation_of(self._principal, item.bundle_id).name)
            self.replaced |= {cited.version} if cited else set()
        for one in statements:
            if (version := versions.get(one.aspect)) is not None:
                self._left[one.aspect] -= 1
                standing = StandingStatement(one.content, feedback_id, version)
                self.learned.append(LearnedStatement(one, standing, is_new=one.name not in self._known))
                if one.aspect in decision.replaced:
                    self.replaced.add(decision.replaced[one.aspect])

    def _find_statements(self, number: int) -> tuple[Statement, ...]:
        if number not in self._statements:
            self._look_ahead(number)
        return self._statements[number]

    def _look_ahead(self, number: int) -> None:
        """Look up what stands of the next items together."""
        most = min(AHEAD, max(self._left.values()))
        found = 0
        for ahead in range(number, len(self._bodies)):
            self._statements[ahead] = tuple(self._candidates(ahead))
            found += len(self._statements[ahead])
            if found >= most:
                break
        recent = list(self._statements.values())[-(ahead - number + 1) :]
        names = [one.name for statements in recent for one in statements]
        bundles = {body.bundle_id for body in self._bodies[number : ahead + 1] if body.bundle_id}
        names += [citation_of(self._principal, bundle_id).name for bundle_id in bundles]
        known = find_standing(self._reads, self._principal.tenant_id, names)
        self._known |= known
        self._standing |= drop_rolled_back(self._reads, self._principal, self._version, known)

    def _candidates(self, number: int) -> Iterator[Statement]:
        body = self._bodies[number]
        for aspect, target in self._targets[number]:
            if self._left[aspect] > 0 and self._last[target] == number:
                yield statement_of(self._principal, body, aspect, target)
