"""Choice of the episodes that are worth distilling together. Pure: one partition in, groups of its entries out."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import log

import numpy as np
from numpy.typing import NDArray

from soma.memory.index.entries import Entry
from soma.memory.index.partition import KINDS, Partition
from soma.memory.index.sessions import ALONE
from soma.memory.rendering import entry_text
from soma.memory.text.languages import Language, language_of, stem
from soma.memory.text.words import index_words, tokens, words
from soma.memory.upkeep.telling import find_content_pairs, is_spaceless, only_questions

NEAR = 0.45  # cosine from which two episodes are about the same thing
SAME = 0.95  # from which they say the same
MEMBERS = 6  # of a group at most
LEAST = 3
POOL = 5  # episodes that recombination pairs
PAIR_SHARE = 0.2  # of the pairs
FAR = (0.15, 0.6)  # cosines of pairs that are neither strangers nor the same story
LINKS_COUNTED = 10
WORDS_COUNTED = 30
EPISODIC = KINDS.index("episodic")
COMMON_SHARE = 0.05  # of the memories: words that more of them have tell nothing


Weights = Mapping[str, float]  # what each telling word weighs (inverse document frequency)


@dataclass(frozen=True, slots=True)
class EpisodeGroup:
    """A group: `members`, the seed first, and the words that tell them apart from others."""

    members: Sequence[Entry]
    weights: Weights


def rank_episodes(partition: Partition) -> list[int]:
    """Return slots of episodes: important, helpful before, well linked and long ones first; then the oldest."""
    ranked = []
    kinds, importances, positions = (partition.columns[name] for name in ("kinds", "importances", "positions"))
    for memory_id, slot in partition.slots.items():
        if kinds[slot] == EPISODIC:
            links = min(len(partition.links.neighbours(memory_id)), LINKS_COUNTED) / LINKS_COUNTED
            words = min(partition.postings.lengths[slot], WORDS_COUNTED) / WORDS_COUNTED
            ranked.append((-(importances[slot] + partition.values[slot] + links + words), positions[slot], slot))
    return [slot for _, _, slot in sorted(ranked)]


@cache
def stop_stems(language: Language) -> frozenset[str]:
    return frozenset(stem(word, language) for word in language.stop_words)


def find_telling_words(partition: Partition, slot: int) -> dict[str, float]:
    """Return the words of a memory that few others have, without its speaker's name; none of one that is gone, or
    that only asks.
    """
    most = max(MEMBERS, COMMON_SHARE * len(partition))
    if (entry := partition.entry(slot)) is None or only_questions(entry.text):
        return {}
    pairs = find_content_pairs(entry_text(entry))
    names, small = set(words(entry.speaker)), stop_stems(language_of(tokens(entry.text)))
    found = {}
    for word in dict.fromkeys(index_words(entry_text(entry))):
        frequency = partition.postings.frequency(word)
        is_telling = word in pairs if is_spaceless(word) else word not in small
        if is_telling and word not in names and 0 < frequency <= most:
            found[word] = log(1 + len(partition) / frequency)
    return found


def find_groups(partition: Partition, used: Collection[str], *, deadline: float) -> Iterator[EpisodeGroup]:
    """Yield groups round the top episodes that are not `used`; ends at `deadline` (time.monotonic)."""
    order = rank_episodes(partition)
    free = [slot for slot in order if partition.ids[slot] not in used]
    left = set(free)
    for seed in free:
        if time.monotonic() > deadline:
            return
        if seed in left and (group := _find_group(partition, seed, left)):
            left -= {partition.slots[entry.id] for entry in group.members}
            yield group


def _find_group(partition: Partition, seed: int, left: Collection[int]) -> EpisodeGroup | None:
    """Group the nearest of what is left that share a telling word with the seed: greetings resemble each other too."""
    slots = np.array(sorted(left), np.int64)
    near = partition.vectors.rows(slots) @ partition.vectors.rows(np.array([seed]))[0]
    order = np.lexsort((slots, -near))
    weights = find_telling_words(partition, seed)
    telling = set(weights)
    chosen = [seed]
    for place in order.tolist():
        slot, cosine = int(slots[place]), float(near[place])
        if cosine < NEAR or len(chosen) == MEMBERS:
            break
        if slot != seed and cosine < SAME and (own := find_telling_words(partition, slot)).keys() & telling:
            chosen.append(slot)
            weights |= own
    if len(chosen) < LEAST:
        return None
    return _make_group(partition, chosen, weights)


def _make_group(partition: Partition, slots: Sequence[int], weights: Weights) -> EpisodeGroup | None:
    """Return the group of these memories; None where one of them is gone."""
    found = partition.entries(slots)
    ids = [partition.ids[slot] for slot in slots]
    return EpisodeGroup([found[memory_id] for memory_id in ids], weights) if len(found) == len(ids) else None


def find_pairs(partition: Partition, used: Collection[frozenset[str]]) -> list[EpisodeGroup]:
    """Return some of the pairs of top episodes of different conversations: those with the most in common."""
    pool: list[int] = []
    threads: set[int] = set()
    for slot in rank_episodes(partition):
        thread = partition.threads[slot]
        if len(pool) == POOL:
            break
        if (thread == ALONE or thread not in threads) and find_telling_words(partition, slot):
            pool.append(slot)
            threads.add(thread)
    vectors: NDArray[np.float32] = partition.vectors.rows(np.array(pool, np.int64))
    cosines = vectors @ vectors.T
    everything = list(combinations(range(len(pool)), 2))
    apt = [
        (float(cosines[one, other]), one, other)
        for one, other in everything
        if FAR[0] <= cosines[one, other] <= FAR[1]
        and frozenset((partition.ids[pool[one]], partition.ids[pool[other]])) not in used
    ]
    best = sorted(apt, key=lambda pair: (-pair[0], pair[1], pair[2]))[: round(PAIR_SHARE * len(everything))]
    pairs = ([pool[one], pool[other]] for _, one, other in best)
    found = (
        _make_group(partition, [one, other], find_telling_words(partition, one) | find_telling_words(partition, other))
        for one, other in pairs
    )
    return [pair for pair in found if pair is not None]
