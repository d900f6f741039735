"""The making of a bundle: candidates ranked by the served weights and packed into the lane. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from soma.brain.context.corrections import AS_RANKED, Order
from soma.brain.context.plan import SHIPPED, describe_plan, make_plan
from soma.brain.context.relevance import FEW, stand_out, touch_question
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.observations import VIEW_SCALE, ShownMemory
from soma.brain.core.serving.pack import PackCandidate, PackedMemories, duplicate_pairs, pack
from soma.brain.core.serving.rank import RankedCandidate, rank
from soma.brain.core.serving.serve import ServedWeights
from soma.brain.tokens import TokenCounter
from soma.brain.wire.requests import PlanOptions
from soma.events.facts.turn import RecalledMemory
from soma.memory.types import Candidate, Candidates

COSINE_DIGITS = 4  # after the point, as a cosine is told
CONTENDERS = 4  # times the limit: as far down as packing looks past duplicates and what is too long


@dataclass(frozen=True, slots=True)
class Context:
    """`memories` are those shown, best first; `views` names the columns of `shown`; `irrelevant` counts the rest."""

    views: tuple[str, ...]
    memories: list[RecalledMemory]
    shown: tuple[ShownMemory, ...]
    packed: PackedMemories
    irrelevant: int
    gain: float
    plan: dict[str, Any]
    vectors: Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
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

    def cosines(self) -> list[float]:
        """Cosine of each candidate and the question, in the order of the candidates."""
        asked = np.array(self.candidates.query_embedding, np.float32)
        cosines: list[float] = (self.candidates.vectors @ asked).tolist()
        return cosines

    def cosine(self, row: RankedCandidate) -> float:
        vector = self.candidates.vectors[self.by_id[row.id]]
        return round(float(vector @ np.array(self.candidates.query_embedding, np.float32)), COSINE_DIGITS)

    def memory(self, row: RankedCandidate, found: Candidate) -> RecalledMemory:
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
    looked_at = find_relevant(ranking, ranking.rows[: CONTENDERS * lane.limit], question)
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
        left_out=irrelevant,
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
        memories=[ranking.memory(row, read[row.id]) for row in rows],
        shown=tuple(ShownMemory(row.id, row.values) for row in rows),
        packed=packed,
        irrelevant=irrelevant,
        gain=expected_gain(rows, served),
        plan=describe_plan(choice, served),
        vectors=[candidates.vectors[ranking.by_id[row.id]] for row in rows],
    )


def find_relevant(
    ranking: Ranking, rows: Sequence[RankedCandidate], question: str
) -> list[tuple[RankedCandidate, Candidate]]:
    """Keep the rows that bear on the question; a group is judged by its best, and what a person taught always stays."""
    looked_at = ranking.look(rows)
    near, taught = ranking.cosines(), ranking.order.first
    if len(ranking.rows) > FEW:
        cosines = [near[ranking.by_id[row.id]] for row in ranking.rows]
        bearing = stand_out([row.score for row in ranking.rows], cosines)
        judged = ranking.rows
    else:
        cosines = [near[ranking.by_id[row.id]] for row, _ in looked_at]
        bearing = touch_question(question, [found.text for _, found in looked_at], cosines)
        judged = [row for row, _ in looked_at]
    relevant = {row.id for row, bears in zip(judged, bearing, strict=True) if bears or row.id in taught}
    groups = {_group(found) for row, found in looked_at if row.id in relevant} - {None}
    return [(row, found) for row, found in looked_at if row.id in relevant or _group(found) in groups]


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
