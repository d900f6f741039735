"""The evidence rule: which of the shown memories helped says for each view which way its weight should go.

The model is a conditional logit (McFadden, 1974): people name the memory that helped with the chance that the weights
give it among those shown. A share d of all feedback is taken to name one of the n shown by accident.

p = softmax(w.x / T) over the shown memories, y uniform on the helpful ones, m = y - p, L = -y.log p
r = (1 - d) e^-L / ((1 - d) e^-L + d / n)                       how likely the naming was meant, not an accident
g = c r sum m x / T - pull (w - prior)
H = memory H + c r var_p(x) / T^2
w += step (lr_eff / lr_base) g / (H_0 + H)

That is one Newton step, view by view (a diagonal Hessian), down the cross-entropy between what helped and what the
weights would have chosen. Where a person dismisses all that was shown, m = -0.2 / n for each and x - 1/2 takes the
place of x, over the memories of which a view says anything: views that stood out among the wrong memories lose a
little. A bad prior shows little else to learn from. Measured beside other rules in decision 041.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from soma.brain.core.arithmetic import clamp, clip, log, total
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.observations import VIEW_SCALE, Evidence, EvidenceSource
from soma.brain.core.rules import floor, mixture, trust
from soma.brain.core.rules.choice import choice_chances, count_right_pairs, score_rows
from soma.brain.core.rules.floor import HelpedQuestions
from soma.brain.core.rules.mixture import Beliefs
from soma.brain.core.rules.trust import HeldOut, TrackRecord
from soma.brain.core.weights import VIEWS_LIMIT, Views, weight_name

Rows = list[tuple[float, ...]]
MIDDLE = 0.5 * VIEW_SCALE
CREDITS = frozenset(
    {
        EvidenceSource.ASKED_AGAIN,
        EvidenceSource.CORRECTED_IN_CHAT,
        EvidenceSource.USED_BY_TOOL,
        EvidenceSource.COPIED,
    }
)  # that nobody has to give
BY_PEOPLE = frozenset({EvidenceSource.PERSON, EvidenceSource.CORRECTED_IN_CHAT, EvidenceSource.COPIED})
EARNS_TRUST = frozenset(EvidenceSource) - {EvidenceSource.MODEL}
MOVES_VALUES = EARNS_TRUST - {EvidenceSource.ASKED_AGAIN}


class Retrieval(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Columns in the order of `views`; `curvatures` is H, what is known of each weight by now.

    `beliefs` say which shape the data have, `held_out` how the learned weights do on questions that they have not seen,
    `helped` how near memories were to those of these that they helped with. Each is None, and left out of JSON and
    MessagePack, before the first of them: states of before keep their hash.
    """

    views: Views
    weights: tuple[float, ...]
    curvatures: tuple[float, ...]
    trust_sum: float
    beliefs: Beliefs | None = None
    held_out: HeldOut | None = None
    helped: HelpedQuestions | None = None

    @property
    def record(self) -> TrackRecord:
        return TrackRecord(self.trust_sum, self.held_out)


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """The choice that the weights would have made among the shown, before they learn what helped."""

    chances: tuple[float, ...]
    """p of each shown memory; none if all were dismissed."""
    misses: tuple[float, ...]
    """y - p of each shown memory: which way its views push."""
    error: float
    """Half the distance between chance and outcome, in [0, 1]."""
    advantage: float | None
    """loss(prior) - loss(w), accidents allowed for: above 0 the learned weights foretold it better.

    None if all were dismissed."""
    meant: float = 1.0
    """r: how likely the naming was meant."""


class AlignedEvidence(msgspec.Struct, frozen=True, gc=False):
    """Evidence in the columns of the learner: new views have room, and each shown memory is a row of values."""

    retrieval: Retrieval
    active: tuple[bool, ...] | None
    """One flag a view, set where the evidence has values of it; None if it has values of all."""
    rows: Rows
    targets: tuple[float, ...]
    """y of each shown memory; none if all of the shown helped, or none did."""
    judgement: Judgement | None
    """None, and nothing to learn, if all of the shown helped, or if nothing is known of any."""


class EvidenceStep(NamedTuple):
    """A step with its gradient g, and how far each weight moved because the shape of the data became clearer."""

    retrieval: Retrieval
    gradient: tuple[float, ...]
    shape_moves: tuple[float, ...]


def initial(views: Views) -> Retrieval:
    return Retrieval(views, views.priors, (0.0,) * len(views.names), 0.0)


def add_views(old: Retrieval, names: Sequence[str], shipped: Views) -> Retrieval:
    """Add views never seen before, at their shipped prior or 0; past the limit they are ignored."""
    known = dict(zip(old.views.names, zip(old.weights, old.curvatures, strict=True), strict=True))
    unseen = sorted(set(names) - set(known))[: VIEWS_LIMIT - len(known)]
    if not unseen:
        return old
    priors = dict(zip(old.views.names, old.views.priors, strict=True)) | {n: shipped.prior(n) for n in unseen}
    known |= {name: (priors[name], 0.0) for name in unseen}
    views = Views.of(priors)
    return replace(
        old,
        views=views,
        weights=tuple(known[name][0] for name in views.names),
        curvatures=tuple(known[name][1] for name in views.names),
    )


def align_evidence(old: Retrieval, evidence: Evidence, hyperparameters: Hyperparameters) -> AlignedEvidence:
    """Put evidence into the learner's columns, and judge it by the weights so far."""
    if evidence.views == old.views.names:
        retrieval, active = old, None
        rows = [tuple(map(float, memory.values)) for memory in evidence.shown]
    else:
        retrieval = add_views(old, evidence.views, hyperparameters.views)
        names = retrieval.views.names
        active = tuple(name in evidence.views for name in names)
        rows = _align_rows(evidence, names)
    targets = _targets(evidence)
    if not (retrieval.weights if active is None else any(active)):
        return AlignedEvidence(retrieval, active, rows, targets, None)
    judgement = _compare(retrieval, rows, targets, hyperparameters) if targets else _dismiss(evidence, hyperparameters)
    return AlignedEvidence(retrieval, active, rows, targets, judgement)


def take_step(
    aligned: AlignedEvidence,
    judgement: Judgement,
    *,
    credit: float,
    factor: float,
    earns_trust: bool,
    hyperparameters: Hyperparameters,
    outliers: list[str],
) -> EvidenceStep:
    """Take one Newton step inside the boxes. `factor` is lr_eff / lr_base.

    The weights also move with m as the beliefs in shapes do.
    """
    before = aligned.retrieval
    old, origin, moved = _weigh_shapes(aligned, judgement, credit, hyperparameters)
    views = old.views
    sums, variances = (_moments if judgement.chances else _dismissal_sums)(aligned.rows, judgement)
    g = _gradient(
        aligned, judgement, sums, origin=origin, credit=credit, hyperparameters=hyperparameters, outliers=outliers
    )
    scale = hyperparameters.learner_temperature * VIEW_SCALE
    sharpness, memory = credit * judgement.meant / (scale * scale), hyperparameters.curvature_memory
    h = [memory * known + sharpness * told for known, told in zip(old.curvatures, variances, strict=True)]
    rate, start = hyperparameters.evidence_step * factor, hyperparameters.curvature_start
    weights = [
        clamp(weight + rate * slope / (start + known), low, high)
        for weight, slope, known, low, high in zip(old.weights, g, h, views.lows, views.highs, strict=True)
    ]
    believed = credit * (judgement.advantage or 0.0) if earns_trust else 0.0
    trust_sum = trust.add_advantage(before.trust_sum, believed, hyperparameters)
    return EvidenceStep(replace(old, weights=tuple(weights), curvatures=tuple(h), trust_sum=trust_sum), g, moved)


def measure(aligned: AlignedEvidence, observation: Evidence, hyperparameters: Hyperparameters) -> Retrieval:
    """Count a held-out question: for the learned weights or for the prior, and how near it was to what helped."""
    judged = _count_for_better(aligned, hyperparameters)
    bearings, nearness = helpful_bearings(observation), observation.nearness
    if nearness is None or not bearings:
        return judged
    return replace(judged, helped=floor.count_helped(judged.helped, bearings, nearness, hyperparameters))


def helpful_bearings(observation: Evidence) -> list[float]:
    """Return how the memories that helped bore on the question, of those that were shown because they bore on it."""
    helpful = set(observation.helpful) - set(observation.unhelpful)
    return [
        bearing
        for memory, bearing in zip(observation.shown, observation.bearings, strict=False)
        if bearing is not None and memory.id in helpful
    ]


def _count_for_better(aligned: AlignedEvidence, hyperparameters: Hyperparameters) -> Retrieval:
    """Count for whichever puts what helped higher; nothing where both do as well."""
    retrieval, y = aligned.retrieval, aligned.targets
    if not y:
        return retrieval
    learned = count_right_pairs(score_rows(aligned.rows, retrieval.weights, VIEW_SCALE), y)
    prior = count_right_pairs(score_rows(aligned.rows, retrieval.views.priors, VIEW_SCALE), y)
    if learned == prior:
        return retrieval
    before = retrieval.held_out or trust.NOTHING_HELD_OUT
    return replace(retrieval, held_out=trust.count_question(before, hyperparameters, won=learned > prior))


def _weigh_shapes(
    aligned: AlignedEvidence, judgement: Judgement, credit: float, hyperparameters: Hyperparameters
) -> tuple[Retrieval, tuple[float, ...], tuple[float, ...]]:
    """Add the evidence to the beliefs in shapes, and move the weights as far as m moves; return m and the moves too."""
    old, mixing = aligned.retrieval, hyperparameters.mixing
    before = mixture.mix(old.beliefs, old.views, mixing)
    if not judgement.chances or not mixing.shapes or (old.beliefs and old.beliefs.weighed >= mixing.most):
        return old, before, ()
    seen = mixture.Seen(aligned.rows, aligned.targets, credit, hyperparameters.doubt)
    beliefs = mixture.weigh(old.beliefs, old.views, seen, mixing)
    after = mixture.mix(beliefs, old.views, mixing)
    weights = [
        clamp(weight + (moved - origin), low, high)
        for weight, origin, moved, low, high in zip(
            old.weights, before, after, old.views.lows, old.views.highs, strict=True
        )
    ]
    moves = tuple([moved - weight for moved, weight in zip(weights, old.weights, strict=True)])
    return replace(old, weights=tuple(weights), beliefs=beliefs), after, moves


def _moments(rows: Rows, judgement: Judgement) -> tuple[list[float], list[float]]:
    """Sum m x and var_p(x) of each view over the shown."""
    sums, variances = [], []
    for column in zip(*rows, strict=True):  # the hottest loop of learning: one pass for three sums
        pushed = mean = square = 0.0
        for miss, chance, value in zip(judgement.misses, judgement.chances, column):  # noqa: B905 -- `_compare` makes one miss and one chance a memory
            pushed += miss * value
            expected = chance * value
            mean += expected
            square += expected * value
        sums.append(pushed)
        variance = square - mean * mean
        variances.append(variance if variance > 0.0 else 0.0)  # noqa: FURB136 -- faster than max
    return sums, variances


def _dismissal_sums(rows: Rows, judgement: Judgement) -> tuple[list[float], list[float]]:
    """Sum m (x - 1/2) of each view over the memories that have it, and no variance, for nothing was compared.

    A view that none of them has did not bring them here, so it gets no push.
    """
    sums = []
    for column in zip(*rows, strict=True):
        pushed = 0.0
        for miss, value in zip(judgement.misses, column, strict=True):
            if value:
                pushed += miss * (value - MIDDLE)
        sums.append(pushed)
    return sums, [0.0] * len(sums)


def _gradient(
    aligned: AlignedEvidence,
    judgement: Judgement,
    sums: list[float],
    *,
    origin: tuple[float, ...],
    credit: float,
    hyperparameters: Hyperparameters,
    outliers: list[str],
) -> tuple[float, ...]:
    """g of each view, within the limit for outliers; 0 for a view that the evidence does not know.

    The pull is towards `origin`, m of the shapes.
    """
    views, weights = aligned.retrieval.views, aligned.retrieval.weights
    push = credit * judgement.meant / (hyperparameters.learner_temperature * VIEW_SCALE)
    pull, limit = hyperparameters.prior_pull, hyperparameters.gradient_limit
    g = [push * pushed - pull * (weight - home) for pushed, weight, home in zip(sums, weights, origin, strict=True)]
    if aligned.active:
        g = [slope if known else 0.0 for slope, known in zip(g, aligned.active, strict=True)]
    if max(g) > limit or min(g) < -limit:
        named = zip(map(weight_name, views.names), g, strict=True)
        g = [clip(name, slope, -limit, limit, outliers) for name, slope in named]
    return tuple(g)


def credit_of(source: EvidenceSource, record: TrackRecord, hyperparameters: Hyperparameters) -> float:
    """Return c: what evidence from `source` counts beside a person's word."""
    match source:
        case EvidenceSource.PERSON:
            return hyperparameters.person_credit
        case EvidenceSource.MODEL if hyperparameters.citations_await_trust:
            return hyperparameters.citation_credit * trust.earned_trust(record, hyperparameters)
        case EvidenceSource.CITATION | EvidenceSource.MODEL:
            return hyperparameters.citation_credit
        case _:  # of CREDITS: each has its own
            credit: float = getattr(hyperparameters, f"{source.value}_credit")
            return credit


def value_share(source: EvidenceSource, hyperparameters: Hyperparameters) -> float:
    """Return the share of `value_rate` by which evidence moves values: 1 for a person's word, else its credit."""
    return credit_of(source, trust.NO_RECORD, hyperparameters) if source in CREDITS else 1.0


def named_memories(evidence: Evidence) -> tuple[tuple[str, bool], ...]:
    """Shown memories that were named, each with whether it helped; one named both ways counts as unhelpful.

    None where a model named them: what it cites says nothing about the worth of a memory. Nor does a question that was
    asked again: it tells of the answer.
    """
    if evidence.source not in MOVES_VALUES:
        return ()
    unhelpful = set(evidence.unhelpful)
    shown = {memory.id for memory in evidence.shown}
    named = dict.fromkeys((*evidence.helpful, *evidence.unhelpful))
    return tuple((name, name not in unhelpful) for name in named if name in shown)


def _align_rows(evidence: Evidence, names: tuple[str, ...]) -> Rows:
    """Put the shown values into the learner's order of views; a view without values is 0 throughout."""
    place = {name: index for index, name in enumerate(evidence.views)}
    order = [place.get(name, -1) for name in names]
    return [tuple([float(values[i]) if i >= 0 else 0.0 for i in order]) for _, values in evidence.shown]


def _targets(evidence: Evidence) -> tuple[float, ...]:
    helpful = set(evidence.helpful) - set(evidence.unhelpful)
    marks = [memory.id in helpful for memory in evidence.shown]
    count = marks.count(True)
    return tuple([1.0 / count if mark else 0.0 for mark in marks]) if 0 < count < len(marks) else ()


def _dismiss(evidence: Evidence, hyperparameters: Hyperparameters) -> Judgement | None:
    """Judge evidence that dismisses all of the shown; None where it does not."""
    count = len(evidence.shown)
    if not count or not set(evidence.unhelpful).issuperset(memory.id for memory in evidence.shown):
        return None
    return Judgement((), (-hyperparameters.dismissal / count,) * count, 1.0, None)


def _compare(old: Retrieval, rows: Rows, y: tuple[float, ...], hyperparameters: Hyperparameters) -> Judgement:
    scores, prior_scores = _score_rows(rows, old, hyperparameters.learner_temperature * VIEW_SCALE)
    chances, likelihood = choice_chances(scores, y)
    _, prior_likelihood = choice_chances(prior_scores, y)
    misses = [target - chance for target, chance in zip(y, chances, strict=True)]
    meant, by_accident = (1.0 - hyperparameters.doubt) * likelihood, hyperparameters.doubt / len(y)
    prior_meant = (1.0 - hyperparameters.doubt) * prior_likelihood
    return Judgement(
        tuple(chances),
        tuple(misses),
        0.5 * total(map(abs, misses)),
        log((meant + by_accident) / (prior_meant + by_accident)),
        meant / (meant + by_accident),
    )


def _score_rows(rows: Rows, old: Retrieval, scale: float) -> tuple[list[float], list[float]]:
    """w.x / T of each shown memory, by the weights and by their priors; added left to right, as `dot` does."""
    weights, priors = old.weights, old.views.priors
    scores, prior_scores = [], []
    for row in rows:
        score = prior_score = 0.0
        for value, weight, prior in zip(row, weights, priors):  # noqa: B905 -- `read` made each row as wide
            score += value * weight
            prior_score += value * prior
        scores.append(score / scale)
        prior_scores.append(prior_score / scale)
    return scores, prior_scores
