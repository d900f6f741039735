"""Which words of a batch are learned: the last on each thing, unless it stands already or the person's day is full."""

from collections.abc import Iterator, Sequence

from soma.brain.feedback.standing_words import (
    BOUND,
    EVIDENCE,
    REPLACED,
    VERDICT,
    Heard,
    Hearing,
    Standing,
    Target,
    Word,
    echo_of,
    hear,
    not_rolled_back,
    standing_words,
    targets,
    word_of,
)
from soma.brain.types import Principal
from soma.brain.wire.requests import Feedback
from soma.events.log import Reads

FULL = Hearing({EVIDENCE: BOUND, VERDICT: BOUND})
AHEAD = 250  # words that are looked up together


class Hearings:
    """Asked item by item, in their order; nothing is worked out for words that the day has no room for.

    `version` is that of the learner before the batch.
    """

    def __init__(
        self, reads: Reads, principal: Principal, version: int, bodies: Sequence[Feedback], left: dict[str, int]
    ) -> None:
        self._reads = reads
        self._principal = principal
        self._version = version
        self._bodies = bodies
        self._left = left
        has_room = any(room > 0 for room in left.values())
        self._targets = [tuple(targets(body)) for body in bodies] if has_room else []
        self._last: dict[Target, int] = {
            target: number for number, asked in enumerate(self._targets) for _, target in asked
        }
        self._words: dict[int, tuple[Word, ...]] = {}
        self._known: dict[str, Standing] = {}
        self._standing: dict[str, Standing] = {}
        self.heard: list[Heard] = []
        self.replaced: set[int] = set()

    def of(self, number: int) -> tuple[tuple[Word, ...], Hearing]:
        """The words of an item that may be learned, and why others are not."""
        asked = self._targets[number] if self._targets else ()
        if not any(self._left[question] > 0 for question, _ in asked):
            return (), FULL
        unheard: dict[str, str] = {}
        for question, target in asked:
            if self._left[question] < 1:
                unheard[question] = BOUND
            elif self._last[target] != number:
                unheard[question] = REPLACED
        words = self._looked_up(number)
        if not unheard:
            return words, hear(words, self._standing, self._left)
        words = tuple(word for word in words if word.question not in unheard)
        hearing = hear(words, self._standing, self._left)
        return words, Hearing({**unheard, **hearing.unheard}, hearing.replaced)

    def learned(
        self, item: Feedback, words: Sequence[Word], hearing: Hearing, versions: dict[str, int], feedback_id: str
    ) -> None:
        """`versions` are those that an item's questions made. What a model cited of its bundle no longer stands."""
        if versions and item.bundle_id:
            echo = self._standing.get(echo_of(self._principal, item.bundle_id).name)
            self.replaced |= {echo.version} if echo else set()
        for word in words:
            if (version := versions.get(word.question)) is not None:
                self._left[word.question] -= 1
                is_new = word.name not in self._known
                self.heard.append(Heard(word, Standing(word.said, feedback_id, version), is_new))
                if word.question in hearing.replaced:
                    self.replaced.add(hearing.replaced[word.question])

    def _looked_up(self, number: int) -> tuple[Word, ...]:
        if number not in self._words:
            self._look_ahead(number)
        return self._words[number]

    def _look_ahead(self, number: int) -> None:
        most = min(AHEAD, max(self._left.values()))
        taken = 0
        for ahead in range(number, len(self._bodies)):
            self._words[ahead] = tuple(self._candidates(ahead))
            taken += len(self._words[ahead])
            if taken >= most:
                break
        names = [word.name for words in list(self._words.values())[-(ahead - number + 1) :] for word in words]
        bundles = {body.bundle_id for body in self._bodies[number : ahead + 1] if body.bundle_id}
        names += [echo_of(self._principal, bundle_id).name for bundle_id in bundles]
        found = standing_words(self._reads, self._principal.tenant_id, names)
        self._known |= found
        self._standing |= not_rolled_back(self._reads, self._principal, self._version, found)

    def _candidates(self, number: int) -> Iterator[Word]:
        body = self._bodies[number]
        for question, target in self._targets[number]:
            if self._left[question] > 0 and self._last[target] == number:
                yield word_of(self._principal, body, question, target)
