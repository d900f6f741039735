"""A changed mind: up, then down, then up again is three words, while up and up is one that was said twice.

What was said is known by its content, so the second up looks like the first. It is a new one where the person's newest
word on the turn is another; that one's place in the log makes the key. Told again, the newest word is its own: that
is the duplicate.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from soma.brain import store
from soma.brain.bodies import Feedback
from soma.brain.feedback import Told, digest, said, says_verdict
from soma.events.log import Log, Reads
from soma.events.schema import FeedbackBatchReceived, FeedbackReceived, fact_of

LOOKED_THROUGH = 100  # of what a person said in the conversation; who changes his mind about older answers is rare


class Word(NamedTuple):
    """What a person said of a turn, where the log holds it, and by which key it is known, if it has one of its own."""

    body: Feedback
    place: tuple[int, int]
    key: str | None


def known_again(reads: Reads, told: Told) -> str | None:
    """The key of a feedback whose own key is taken: of the word that it repeats, or of the new word that it is."""
    body = told.body
    if body.turn_id is None or body.idempotency_key is not None:
        return told.key
    newest = next((word for word in _words(reads, told) if _is_about(body, word.body)), None)
    if newest is None:
        return told.key
    if said(newest.body) == said(body):
        return newest.key or told.key
    return digest(told.principal, "again", *map(str, newest.place), told.key or "")


def _is_about(body: Feedback, other: Feedback) -> bool:
    """Verdicts answer verdicts on the same turn: which memories helped is another question."""
    return other.turn_id == body.turn_id and says_verdict(other) == says_verdict(body)


def _words(reads: Reads, told: Told) -> Iterator[Word]:
    """The newest first; what was erased after its time is not among them."""
    log = Log(reads)
    for position, item in store.places(reads, told.principal, told.body.conversation, limit=LOOKED_THROUGH):
        [event] = log.after(position - 1, limit=1)
        fact = fact_of(event)
        if isinstance(fact, FeedbackReceived):
            yield Word(_body(fact.observation), (position, item), fact.feedback_id)
        elif isinstance(fact, FeedbackBatchReceived):
            yield Word(_body(fact.items[item]), (position, item), None)


def _body(content: Any) -> Feedback:
    return msgspec.convert(content, type=Feedback)
