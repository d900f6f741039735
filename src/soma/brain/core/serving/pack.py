"""Packing: put memories into the lane, as many as hold 90 % of the attention, none cut short, no two alike.

Which memories are alike is passed in (`context/bundle.py`, from `memory.types.Candidates.duplicates`); a group is left
out only if all of it is alike.

The cut by a share of a softmax is that of nucleus sampling (Holtzman et al., 2020).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from soma.brain.core.arithmetic import total

ATTENTION_SHARE = 0.9


class PackCandidate(NamedTuple):
    """A ranked memory. Candidates of one `group` (a tool call and its result) are shown together or not at all."""

    id: str
    attention: float
    tokens: int
    group: str | None = None


class PackedMemories(NamedTuple):
    shown: tuple[str, ...]
    duplicates: tuple[str, ...]
    too_long: tuple[str, ...]
    attention: float
    tokens: int
    diversity: float | None
    """Share of what could have been shown that is shown as distinct memories; the diversity rule steers tau by it.

    None where attention decided nothing, for all was shown that the limit and the budget admit."""


IsDuplicate = Callable[[str, str], bool]


def pack(
    candidates: Sequence[PackCandidate],
    *,
    token_budget: int,
    is_duplicate: IsDuplicate,
    attention_share: float = ATTENTION_SHARE,
    limit: int | None = None,
) -> PackedMemories:
    """Show candidates, best first, until the attention is covered or `limit` memories are shown.

    What is too long for the rest of the budget is passed over.
    A duplicate's attention counts as covered: its twin speaks for it.
    """
    shown: list[str] = []
    duplicates: list[str] = []
    too_long: list[str] = []
    covered, tokens, is_narrowed = 0.0, 0, False
    for members in _groups(candidates):
        if limit is not None and len(shown) >= limit:
            break
        if covered >= attention_share:
            is_narrowed = True
            break
        weight, length = total(member.attention for member in members), sum(m.tokens for m in members)
        ids = [member.id for member in members]
        if all(any(is_duplicate(new, old) for old in shown) for new in ids):
            duplicates += ids
            covered += weight
        elif tokens + length > token_budget or (limit is not None and len(shown) + len(ids) > limit):
            too_long += ids
        else:
            shown += ids
            covered += weight
            tokens += length
    return PackedMemories(
        tuple(shown),
        tuple(duplicates),
        tuple(too_long),
        covered,
        tokens,
        len(shown) / min(limit or len(candidates), len(candidates)) if is_narrowed or duplicates else None,
    )


def duplicate_pairs(pairs: Iterable[tuple[str, str]]) -> IsDuplicate:
    """Build the test for duplicates from pairs of ids, given in either order."""
    known = {frozenset(pair) for pair in pairs}
    return lambda one, other: frozenset((one, other)) in known


def _groups(candidates: Sequence[PackCandidate]) -> list[list[PackCandidate]]:
    """Gather groups, each at the place of its first member."""
    groups: dict[str, list[PackCandidate]] = {}
    for candidate in candidates:
        key = f"id:{candidate.id}" if candidate.group is None else f"group:{candidate.group}"
        groups.setdefault(key, []).append(candidate)
    return list(groups.values())
