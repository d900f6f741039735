"""The making of a bundle: candidates ranked by the served weights and packed into the lane. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from soma.brain.context.corrections import AS_RANKED, Order
from soma.brain.context.held_out import is_held_out
from soma.brain.context.plan import SHIPPED, describe_plan, make_plan
from soma.brain.context.relevance import FEW, measure_bearings, touch_question
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.observations import VIEW_SCALE, ShownMemory
from soma.brain.core.rules.floor import Floors
from soma.brain.core.serving.pack import PackCandidate, PackedMemories, duplicate_pairs, pack
from soma.brain.core.serving.rank import RankedCandidate, rank
from soma.brain.core.serving.serve import ServedWeights
from soma.brain.tokens import TokenCounter
from soma.brain.wire.requests import PlanOptions
from soma.events.facts.turn import RecalledMemory
from soma.memory.types import Candidate, Candidates

DIGITS = 4  # after the point, as cosines and bearings are told
CONTENDERS = 4  # times the limit: as far down as packing looks past duplicates and what is too long


@dataclass(frozen=True, slots=True)
class Context:
    """`memories` are those shown, best first; `views` names the columns of `shown`; `irrelevant` counts the rest.

    `nearness` is the cosine of the nearest candidate; `floors` and it are None where few were judged one by one.
    """

    views: tuple[str, ...]
    memories: list[RecalledMemory]
    shown: tuple[ShownMemory, ...]
    packed: PackedMemories
    irrelevant: int
    floors: Floors | None
    nearness: float | None
    gain: float
    plan: dict[str, Any]
    vectors: Sequence[Sequence[float]]

    @property
    def bearings(self) -> tuple[float | None, ...]:
        """Return how each shown memory bears on the question; none where few were judged one by one."""
        return () if self.floors is None else tuple(memory.bearing for memory in self.memories)


@dataclass(frozen=True)
class Ranking:
    views: tuple[str, ...]
    rows: list[RankedCandidate]
    by_id: Mapping[str, int]
    candidates: Candidates
    order: Order = AS_RANKED

    def look(self, rows: Sequence[RankedCandidate]) -> list[tuple[RankedCandidate, Candidate]]:
        """Look at some of the rows; what was forgotten since it was found is not among them."""
        found = self.candidates.read([self.by_id[row.id] for row in rows])
        return [(row, found[self.by_id[row.id]]) for row in rows if self.by_id[row.id] in found]

    @cached_property
    def cosines(self) -> list[float]:
        """Cosine of each candidate and the question, in the order of the candidates."""
        asked = np.array(self.candidates.query_embedding, np.float32)
        cosines: list[float] = (self.candidates.vectors @ asked).tolist()
        return cosines

    @property
    def nearness(self) -> float:
        """Cosine of the nearest candidate and the question."""
        return round(max(self.cosines), DIGITS)

    def cosine(self, row: RankedCandidate) -> float:
        vector = self.candidates.vectors[self.by_id[row.id]]
        return round(float(vector @ np.array(self.candidates.query_embedding, np.float32)), DIGITS)

    def memory(self, row: RankedCandidate, found: Candidate, bearing: float | None = None) -> RecalledMemory:
        source = found.metadata.get("source")
        return RecalledMemory(
            id=found.id,
            key=found.key,
            text=found.text,
            score=row.score,
            attention=row.attention,
            parts={view: value / VIEW_SCALE for view, value in zip(self.views, row.values, strict=True)},
            views=dict(zip(self.views, row.values, strict=True)),
            occurred_at=found.occurred_at,
            source=source if isinstance(source, str) else found.conversation_id,
            metadata=dict(found.metadata),
            author=found.author,
            taught=row.id in self.order.first,
            similarity=self.cosine(row),
            bearing=bearing,
        )


def rank_candidates(candidates: Candidates, served: ServedWeights, order: Order = AS_RANKED) -> Ranking:
    """Rank candidates, best first; what a person corrected comes first or last, whatever its score."""
    views = tuple(sorted(candidates.views))
    columns_of = [candidates.views.index(view) for view in views]
    levels = map(tuple, candidates.levels[:, columns_of].tolist())
    columns = [ShownMemory(memory_id, values) for memory_id, values in zip(candidates.ids, levels, strict=True)]
    rows = rank(columns, views, served.names, served.weights, served.tau)
    if order is not AS_RANKED:
        rows = sorted(rows, key=lambda row: order.place(row.id))
    by_id = {memory_id: number for number, memory_id in enumerate(candidates.ids)}
    return Ranking(views, rows, by_id, candidates, order)


def recall_best(ranking: Ranking, limit: int) -> list[RecalledMemory]:
    """Return the best `limit` memories; of equal texts of one speaker only the best."""
    found: dict[tuple[str, str], RecalledMemory] = {}
    for start in range(0, len(ranking.rows), limit):
        for row, candidate in ranking.look(ranking.rows[start : start + limit]):
            text = " ".join(candidate.text.split()).rstrip(".!").casefold()
            speaker = str(candidate.metadata.get("speaker", ""))
            if len(found) < limit and (text, speaker) not in found:
                found[text, speaker] = ranking.memory(row, candidate)
        if len(found) == limit:
            break
    return list(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Bounds of what is shown: `limit` memories, whole ones within the tokens, up to that share of the attention."""

    limit: int
    token_budget: int
    attention_mass: float


def build_context(
    question: str,
    candidates: Candidates,
    served: ServedWeights,
    tokens: TokenCounter,
    *,
    lane: Lane,
    hyperparameters: Hyperparameters,
    options: PlanOptions = SHIPPED,
    order: Order = AS_RANKED,
) -> Context:
    """Build what bears on the question, as far as attention and lane admit it, with a plan of how to answer with it."""
    ranking = rank_candidates(candidates, served, order)
    floors = _choose_floors(question, ranking, served, hyperparameters)
    looked_at, bearings = find_relevant(ranking, ranking.rows[: CONTENDERS * lane.limit], question, floors)
    irrelevant = max(0, min(len(ranking.rows), lane.limit) - len(looked_at))
    read = {row.id: candidate for row, candidate in looked_at}
    contenders = [
        PackCandidate(row.id, row.attention, tokens.count(candidate.text), _group(candidate))
        for row, candidate in looked_at
    ]
    same = candidates.duplicates([ranking.by_id[row.id] for row, _ in looked_at])
    is_duplicate = duplicate_pairs((candidates.ids[one], candidates.ids[other]) for one, other in same)

    packed = pack(
        contenders,
        token_budget=lane.token_budget,
        is_duplicate=is_duplicate,
        attention_share=lane.attention_mass,
        limit=lane.limit,
    )
    rows = _packed_rows(ranking, packed)
    lengths = {contender.id: contender.tokens for contender in contenders}
    choice = make_plan(
        [row.attention for row in rows],
        [lengths[row.id] for row in rows],
        gain=expected_gain(rows, served),
        served=served,
        hyperparameters=hyperparameters,
        options=options,
    )
    return Context(
        views=ranking.views,
        memories=[ranking.memory(row, read[row.id], bearings.get(row.id)) for row in rows],
        shown=tuple(ShownMemory(row.id, row.values) for row in rows),
        packed=packed,
        irrelevant=irrelevant,
        floors=floors,
        nearness=None if floors is None else ranking.nearness,
        gain=expected_gain(rows, served),
        plan=describe_plan(choice, served),
        vectors=[candidates.vectors[ranking.by_id[row.id]] for row in rows],
    )


def _choose_floors(
    question: str, ranking: Ranking, served: ServedWeights, hyperparameters: Hyperparameters
) -> Floors | None:
    """Choose the floors of what is shown, lower for a held-out question; None where the candidates are few."""
    if len(ranking.rows) <= FEW:
        return None
    return served.floors_held_out if is_held_out(question, hyperparameters) else served.floors


def find_relevant(
    ranking: Ranking, rows: Sequence[RankedCandidate], question: str, floors: Floors | None
) -> tuple[list[tuple[RankedCandidate, Candidate]], dict[str, float]]:
    """Keep the rows that bear on the question, and tell how each does; without floors, each is judged by itself.

    A group is judged by its best, and what a person taught always stays; these have no bearing told.
    """
    looked_at = ranking.look(rows)
    bearings = {} if floors is None else _bearings_above(floors, ranking)
    bearing = _touching(looked_at, ranking, question) if floors is None else bearings.keys()
    relevant = {row.id for row, _ in looked_at if row.id in bearing or row.id in ranking.order.first}
    groups = {_group(found) for row, found in looked_at if row.id in relevant} - {None}
    return [(row, found) for row, found in looked_at if row.id in relevant or _group(found) in groups], bearings


def _bearings_above(floors: Floors, ranking: Ranking) -> dict[str, float]:
    """Return how each candidate that is not below the floors bears on the question."""
    if ranking.nearness < floors.nearness:
        return {}
    near = ranking.cosines
    cosines = [near[ranking.by_id[row.id]] for row in ranking.rows]
    measured = measure_bearings([row.score for row in ranking.rows], cosines)
    told = {row.id: round(bearing, DIGITS) for row, bearing in zip(ranking.rows, measured, strict=True)}
    return {name: bearing for name, bearing in told.items() if bearing >= floors.bearing}


def _touching(
    looked_at: Sequence[tuple[RankedCandidate, Candidate]], ranking: Ranking, question: str
) -> Collection[str]:
    """Return the ids of those that have anything to do with the question, each judged by itself."""
    near = ranking.cosines
    cosines = [near[ranking.by_id[row.id]] for row, _ in looked_at]
    touching = touch_question(question, [found.text for _, found in looked_at], cosines)
    return {row.id for (row, _), touches in zip(looked_at, touching, strict=True) if touches}


def _packed_rows(ranking: Ranking, packed: PackedMemories) -> list[RankedCandidate]:
    chosen = set(packed.shown)
    return [row for row in ranking.rows if row.id in chosen]


def expected_gain(rows: Sequence[RankedCandidate], served: ServedWeights) -> float:
    """Score of the best shown memory as a share, in [0, 1], of the greatest that the weights allow."""
    greatest = sum(weight for weight in served.weights if weight > 0.0)
    if not rows or greatest <= 0.0:
        return 0.0
    return min(max(rows[0].score / greatest, 0.0), 1.0)


def _group(candidate: Candidate) -> str | None:
    """A tool call and its result are remembered with the same `group` and are shown together or not at all."""
    group = candidate.metadata.get("group")
    return group if isinstance(group, str) else None
