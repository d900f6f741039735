"""Links in both directions, by id: activation flows along them either way."""

from collections.abc import Iterator, Mapping
from math import log10

from soma.memory.relations import MADE
from soma.memory.types import Link

STRONGEST = 64  # links of one memory that recall follows


Others = dict[str, float]


class Links:
    def __init__(self) -> None:
        self._of: dict[str, Others] = {}
        self._given: dict[str, Others] = {}

    def __len__(self) -> int:
        """Number of memories with links."""
        return len(self._of)

    def put(self, own_id: str, link: Link) -> None:
        """Add `link` as seen from `own_id`; of two links between the same memories the stronger counts."""
        other = link.to_id if link.from_id == own_id else link.from_id
        for kept in (self._of,) if link.relation in MADE else (self._of, self._given):
            others = kept.setdefault(own_id, {})
            others[other] = max(link.weight, others.get(other, 0.0))

    def drop(self, own_id: str) -> None:
        """Remove a memory and what leads to it from here."""
        for kept in (self._of, self._given):
            for other in kept.pop(own_id, {}):
                kept.get(other, {}).pop(own_id, None)

    def shares(self, own_id: str) -> list[tuple[str, float]]:
        """Return what each of the strongest links passes on; a hub says little about each of its many neighbours."""
        return _shares(self._of.get(own_id))

    def shares_by_people(self, own_id: str) -> list[tuple[str, float]]:
        """Return the same over the links that somebody made."""
        return _shares(self._given.get(own_id))

    def neighbours(self, own_id: str) -> Mapping[str, float]:
        return self._of.get(own_id, {})

    def pairs(self) -> Iterator[frozenset[str]]:
        """Yield the two ends of every link, each pair once or twice."""
        return (frozenset((own_id, other)) for own_id, others in self._of.items() for other in others)


def _shares(others: Others | None) -> list[tuple[str, float]]:
    if not others:
        return []
    damping = 1 + log10(len(others))
    strongest = sorted(others.items(), key=lambda other: (-other[1], other[0]))[:STRONGEST]
    return [(other, weight / damping) for other, weight in strongest]
