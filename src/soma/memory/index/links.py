"""Links in both directions, by id: activation flows along them either way."""

from collections.abc import Iterator

from soma.memory.types import Link

STRONGEST = 64  # links of one memory that recall follows


class Links:
    def __init__(self) -> None:
        self._of: dict[str, dict[str, float]] = {}

    def __len__(self) -> int:
        return sum(len(others) for others in self._of.values())

    def put(self, own_id: str, link: Link) -> None:
        """`link` as seen from `own_id`; of two links between the same memories the stronger counts."""
        other = link.to_id if link.from_id == own_id else link.from_id
        others = self._of.setdefault(own_id, {})
        others[other] = max(link.weight, others.get(other, 0.0))

    def drop(self, own_id: str) -> None:
        """Remove a memory and what leads to it from here."""
        for other in self._of.pop(own_id, {}):
            self._of.get(other, {}).pop(own_id, None)

    def strongest(self, own_id: str) -> list[tuple[str, float]]:
        others = self._of.get(own_id, {})
        if len(others) <= STRONGEST:
            return list(others.items())
        return sorted(others.items(), key=lambda other: (-other[1], other[0]))[:STRONGEST]

    def degree(self, own_id: str) -> int:
        return len(self._of.get(own_id, ()))

    def pairs(self) -> Iterator[frozenset[str]]:
        """The two ends of every link, each pair once or twice."""
        return (frozenset((own_id, other)) for own_id, others in self._of.items() for other in others)
