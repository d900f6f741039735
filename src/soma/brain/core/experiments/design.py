"""Design of an experiment: which arm a subject is in, and what its results say."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from soma.brain.core.experiments.statistics import Comparison, Sample, anytime_p, sample, welch

SIGNIFICANT = 0.05
EFFECT = 0.3  # Cohen's d from which a difference is worth a promotion
WARMUP = 10  # subjects of each arm before a sequential test is looked at


class Method(StrEnum):
    WELCH = "welch"
    """Judge once, at the planned size."""
    ANYTIME = "anytime"
    """Judge at every look, and stop as soon as it is sure."""


class Call(StrEnum):
    WAIT = "wait"
    PROMOTE = "promote"
    KEEP = "keep"
    """The planned size is reached without a difference that counts."""


class ExperimentArm(NamedTuple):
    """`changes` are steps of the prior by the names of the wire; an arm without any is the control."""

    name: str
    changes: tuple[tuple[str, float], ...] = ()


class Design(NamedTuple):
    """Two arms; `share` in (0, 1) of the subjects are in the first. `planned` subjects with a result an arm."""

    arms: tuple[ExperimentArm, ExperimentArm]
    method: Method
    planned: int
    share: float = 0.5


class Result(NamedTuple):
    """Result of one subject: the mean of its outcomes, because the subject is what was drawn (decision 031)."""

    arm: str
    value: float


class ExperimentVerdict(NamedTuple):
    call: Call
    winner: str | None
    reason: str
    first: Sample
    second: Sample
    comparison: Comparison


def assign_arm(experiment_id: str, subject: str, design: Design) -> ExperimentArm:
    """Draw the arm of a subject by the SHA-256 of (experiment, subject).

    It is the same for ever and on every machine, and independent of other experiments.
    """
    number = int.from_bytes(sha256(f"{experiment_id}\0{subject}".encode()).digest()[:8])
    return design.arms[0] if number < design.share * 2.0**64 else design.arms[1]


def judge(design: Design, results: Sequence[Result]) -> ExperimentVerdict:
    """Judge `results`, given in order of arrival. Promotes the better arm at p < 0.05 and |d| > 0.3."""
    first, second = design.arms
    values: Mapping[str, list[float]] = {first.name: [], second.name: []}
    for result in results:
        values[result.arm].append(result.value)
    a, b = sample(values[first.name]), sample(values[second.name])
    comparison = welch(a, b)
    if design.method is Method.ANYTIME:
        looks = [(result.arm == second.name, result.value) for result in results]
        comparison = comparison._replace(p=anytime_p(looks, effect=EFFECT, warmup=WARMUP))
    call, reason = _call(design, min(a.size, b.size), comparison)
    winner = (second if comparison.d > 0.0 else first).name if call is Call.PROMOTE else None
    return ExperimentVerdict(call, winner, reason, a, b, comparison)


def _call(design: Design, size: int, comparison: Comparison) -> tuple[Call, str]:
    full = size >= design.planned
    if not full and design.method is Method.WELCH:
        return Call.WAIT, f"{size} of {design.planned} subjects an arm"
    p, d = comparison.p, abs(comparison.d)
    if p < SIGNIFICANT and d > EFFECT:
        return Call.PROMOTE, f"p {p:.3g} < {SIGNIFICANT} and |d| {d:.3g} > {EFFECT}"
    if not full:
        return Call.WAIT, f"{size} of {design.planned} subjects an arm, and not sure yet"
    if p < SIGNIFICANT:
        return Call.KEEP, f"p {p:.3g} < {SIGNIFICANT}, but |d| {d:.3g} is not above {EFFECT}"
    return Call.KEEP, f"p {p:.3g} is not below {SIGNIFICANT}"
