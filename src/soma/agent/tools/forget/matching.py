"""Matching: which memories a request to forget means, by the share of its words that they hold. Pure."""

from collections.abc import Sequence

from soma.agent.language.authorship import count_sources
from soma.agent.language.speech import has_statement
from soma.agent.tools.own_words import stems_of
from soma.brain.types import StoredMemory
from soma.events.facts.turn import RecalledMemory

COVERED = 0.6  # least share of the request's words that a memory must hold
NEAR_BEST = 0.75  # of the best memory's share

Memory = RecalledMemory | StoredMemory


def select_matching(what: str, hits: Sequence[RecalledMemory]) -> list[RecalledMemory]:
    """Return the memories that hold most of the request's words: statements first, then the best."""
    held = shares(what, hits)
    least = max(COVERED, NEAR_BEST * max(held, default=0.0))
    ranked = sorted(zip(held, hits, strict=True), key=lambda pair: (not has_statement(pair[1].text), -pair[0]))
    return [hit for share, hit in ranked if share >= least]


def without_summaries(hits: Sequence[Memory]) -> list[Memory]:
    """Leave out summaries of memories in the list: they are forgotten with these."""
    known = {hit.id for hit in hits}
    return [
        hit for hit in hits if not count_sources(hit.metadata) or known.isdisjoint(hit.metadata.get("sources") or ())
    ]


def shares(what: str, hits: Sequence[RecalledMemory]) -> list[float]:
    """Return, for each memory, the share of the request's words that it holds."""
    wanted = stems_of(what)
    return [len(wanted & stems_of(hit.text)) / max(1, len(wanted)) for hit in hits]


def one_holds_all(parts: Sequence[str], hits: Sequence[RecalledMemory]) -> bool:
    """Return whether one memory holds enough of every part: then "Ann and Bob marry in May" is one thing."""
    return any(min(each) >= COVERED for each in zip(*(shares(part, hits) for part in parts), strict=True))
