"""Figures of `soma bench learn`, summed up from the curves."""

from collections.abc import Callable
from typing import Any

from soma.bench.learning.courses import MARKS, Curve, interval, mean
from soma.bench.learning.curves import ALL, CONSTRUCTED, TYPICAL, WRONG, Curves, LearningCurves
from soma.bench.learning.priors import PLAN

EARLY = (5, 10, 20, 40, 60)
CONVERSATIONS = 10
CHOSEN_ON = range(5)  # conversations on which constants were chosen; the others only report


def report(measured: LearningCurves) -> dict[str, Any]:
    """Return the figures by name, and every curve."""
    bad = {
        f"bad_prior{suffix}": _bad_prior(measured.within, name)
        for suffix, name in (("", "bad"), ("_bare", "bad, bare"), ("_three_views", "bad, three views"))
    }
    held_out = measured.held_out
    return {
        **bad,
        "good_prior": _worst_drop(measured.within, "good"),
        "shipped_prior": _worst_drop(measured.within, "shipped"),
        "top1_gain_after_100": _gain(held_out["plan", 0.0, "evidence"], MARKS[-1]),
        "top1": _top1_gain(held_out["plan", 0.0, "evidence"], measured.within["plan", 0.0, "evidence"]),
        "held_out": _held_out(held_out),
        "literal": _literal_rule(measured.within),
        "constructed": _constructed_tenants(measured),
        "curves": {
            part: [_row(key, one) for key, one in curves.items()]
            for part, curves in (
                ("within", measured.within),
                ("constructed", measured.constructed),
                ("held_out", measured.held_out),
            )
        },
    }


def _bad_prior(curves: Curves, scenario: str) -> dict[str, Any]:
    """Recovery from a bad prior; `gap` is what the evidence rule lacks of the best fixed weights after 60 feedbacks."""
    learned, best = curves[scenario, TYPICAL, "evidence"], curves[scenario, TYPICAL, "best fixed"]
    return {
        "start": mean(learned.at(0), learned.size),
        "after_60": mean(learned.at(60), learned.size),
        "after_60_interval": interval(learned.at(60), learned.size),
        "best_fixed": mean(best.at(60), best.size),
        "gap": mean(best.at(60) - learned.at(60), learned.size),
        "gap_interval": interval(best.at(60) - learned.at(60), learned.size),
        "gap_by_half": _halves(lambda one, other: mean(other.at(60) - one.at(60), one.size), learned, best),
        "after_60_at_30_percent_wrong": _after(curves, scenario, 0.3, "evidence", 60),
        **{f"{column}_after_60": _after(curves, scenario, TYPICAL, column, 60) for column in ("literal", "thompson")},
    }


def _worst_drop(curves: Curves, scenario: str) -> dict[str, Any]:
    """Points lost against the prior at the worst of the early marks; negative if it was never below."""

    def drop(one: Curve) -> float:
        return max(mean(one.at(0) - one.at(mark), one.size) for mark in EARLY)

    return {
        "worst_drop": drop(curves[scenario, TYPICAL, "evidence"]),
        "worst_drop_by_wrong": {f"{wrong:g}": drop(curves[scenario, wrong, "evidence"]) for wrong in WRONG},
        "worst_drop_by_half": _halves(drop, curves[scenario, TYPICAL, "evidence"]),
        "start": _after(curves, scenario, TYPICAL, "evidence", 0),
        "after_100": _after(curves, scenario, TYPICAL, "evidence", MARKS[-1]),
    }


def _gain(one: Curve, mark: int) -> float:
    return mean(one.at(mark, "top1") - one.at(0, "top1"), one.size)


def _top1_gain(away: Curve, home: Curve) -> dict[str, Any]:
    """Gain in top-1 when taught on the other conversations, and when taught on the own one."""
    return {
        "held_out_gain": _gain(away, MARKS[-1]),
        "held_out_gain_interval": interval(away.at(MARKS[-1], "top1") - away.at(0, "top1"), away.size),
        "held_out_gain_by_half": _halves(lambda one: _gain(one, MARKS[-1]), away),
        "within_gain": _gain(home, MARKS[-1]),
        "within_gain_interval": interval(home.at(MARKS[-1], "top1") - home.at(0, "top1"), home.size),
    }


def _held_out(curves: Curves) -> dict[str, Any]:
    learned = curves["plan", 0.0, "evidence"]
    return {
        "default": mean(learned.at(0), learned.size),
        "after_100": mean(learned.at(MARKS[-1]), learned.size),
        "learned": mean(learned.at(ALL), learned.size),
        "learned_interval": interval(learned.at(ALL), learned.size),
        "learned_by_half": _halves(lambda one: mean(one.at(ALL), one.size), learned),
        "learned_at_10_percent_wrong": _after(curves, "plan", TYPICAL, "evidence", ALL),
        "literal": _after(curves, "plan", 0.0, "literal", ALL),
        "top1_default": mean(learned.at(0, "top1"), learned.size),
        "top1_learned": mean(learned.at(ALL, "top1"), learned.size),
    }


def _literal_rule(curves: Curves) -> dict[str, Any]:
    """Recall of the plan's formula from the plan's weights."""
    return {
        "default": _after(curves, "plan", TYPICAL, "literal", 0),
        "after_100": _after(curves, "plan", TYPICAL, "literal", MARKS[-1]),
        "centred_after_100": _after(curves, "plan", TYPICAL, "centred", MARKS[-1]),
        "evidence_after_100": _after(curves, "plan", TYPICAL, "evidence", MARKS[-1]),
    }


def _constructed_tenants(measured: LearningCurves) -> dict[str, Any]:
    """Weights of recent (gamma) and old that constructed tenants learned, and the share of runs with the right sign."""
    result = {}
    for kind in ("newest", "oldest", "middle"):
        name = f"{kind}, from plan"
        learned = measured.constructed[name, TYPICAL, "evidence"]
        recent, old = (learned.final_weights[:, :, measured.names.index(view)] for view in ("temporal", "old"))
        result[kind] = {
            "gamma": float(recent.mean()),
            "gamma_change": float(recent.mean()) - PLAN["temporal"],
            "old": float(old.mean()),
            "runs_recent_above_old": float((recent - PLAN["temporal"] > old).mean()),
            **{
                f"{start}_{column.replace(' ', '_')}": _after(
                    measured.constructed, f"{kind}, from {start}", TYPICAL, column, MARKS[-1]
                )
                for start in ("plan", "good")
                for column in CONSTRUCTED
            },
        }
    return result


def _after(curves: Curves, scenario: str, wrong: float, column: str, mark: int) -> float:
    one = curves[scenario, wrong, column]
    return mean(one.at(mark), one.size)


def _halves(figure: Callable[..., float], *curves: Curve) -> dict[str, float]:
    """Figure of the conversations on which constants were chosen, and of the others; empty if some are missing."""
    numbers = range(len(curves[0].size))
    if len(numbers) < CONVERSATIONS:
        return {}
    halves = {"0-4": CHOSEN_ON, "5-9": [number for number in numbers if number not in CHOSEN_ON]}
    return {name: figure(*(one.of(half) for one in curves)) for name, half in halves.items()}


def _row(key: tuple[str, float, str], one: Curve) -> dict[str, Any]:
    scenario, wrong, column = key
    return {
        "scenario": scenario,
        "wrong": wrong,
        "column": column,
        "marks": ["all" if mark == ALL else mark for mark in one.marks],
        "r10": [mean(one.at(mark), one.size) for mark in one.marks],
        "r10_interval": [interval(one.at(mark), one.size) for mark in one.marks],
        "top1": [mean(one.at(mark, "top1"), one.size) for mark in one.marks],
        "progressive": mean(one.progressive, one.size),
    }
