"""Figures of the curves on every set: start, way from there to the fitted weights, worst drop, peers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rich.table import Table

from soma.bench.candidates.matrix import Floats
from soma.bench.learning.courses import MARKS
from soma.bench.learning.peers import PEERS
from soma.bench.learning.set_curves import EVIDENCE, TYPICAL, WRONG, SetCurves

FIGURES = ("r10", "hit1")
SHIPPED, LEFT_OUT = "shipped", "left_out"  # starts
AFTER = MARKS[1:]
WAYS = (20, 60)
LEAST_WAY = 0.5  # points from the start to the fitted weights, below which a share of the way says nothing
MEAN = "mean"
CREDIT = "credit_alone"
DROP_INTERVAL = "worst_drop_interval"

Pair = dict[str, float | None]
SetFigures = dict[str, Any]


def report_sets(
    measured: Mapping[str, SetCurves], credit: Mapping[str, Mapping[str, SetFigures]]
) -> dict[str, SetFigures]:
    """Return figures by set, in percent, and their mean; those from a start that has not seen the set as `left_out`.

    `credit` is what credit alone reached, by set and start.
    """
    result = {name: _report(one, credit[name]) for name, one in measured.items()}
    if result:
        result[MEAN] = _mean_of(list(result.values()))
    return result


def _report(one: SetCurves, credit: Mapping[str, SetFigures]) -> SetFigures:
    by_start = {start: _from_start(one, start) | {CREDIT: found} for start, found in credit.items()}
    shipped = by_start.pop(SHIPPED)
    return {"questions": one.questions} | shipped | by_start


def _from_start(one: SetCurves, start: str) -> SetFigures:
    """Return the figures of the brain's own rule and, in the orders of the peers, of it and of each peer beside it."""
    key = (start, EVIDENCE, TYPICAL)
    own = _curve(one.curves[key], one.fitted) | _interval(one.worst_drops.get(key))
    orders = len(one.curves[start, next(iter(PEERS)), TYPICAL])
    beside = {f"wrong_{100 * wrong:.0f}": (EVIDENCE, wrong) for wrong in WRONG if wrong != TYPICAL}
    beside |= {column: (column, TYPICAL) for column in (EVIDENCE, *PEERS)}
    return own | {
        name: _curve(one.curves[start, column, wrong][:orders], one.fitted[:orders])
        for name, (column, wrong) in beside.items()
    }


def _curve(curve: Floats, fitted: Floats) -> SetFigures:
    """Sum up a curve, [orders, marks, 2], and what fitted weights reach, [orders, 2]."""
    marks = curve.mean(axis=0)
    found: SetFigures = {"start": _pair(marks[0])}
    found |= {f"after_{mark}": _pair(marks[place]) for place, mark in enumerate(AFTER, 1)}
    found |= {"fitted": _pair(fitted.mean(axis=0)), "worst_drop": _pair((marks[0] - marks).max(axis=0))}
    return found | _ways(found)


def _interval(bounds: Floats | None) -> SetFigures:
    """Return the bounds of the worst drop by figure; nothing where they were not measured."""
    if bounds is None:
        return {}
    return {DROP_INTERVAL: {name: tuple(pair) for name, pair in zip(FIGURES, bounds.tolist(), strict=True)}}


def _ways(found: SetFigures) -> SetFigures:
    return {f"way_{mark}": {name: _share(found, f"after_{mark}", name) for name in FIGURES} for mark in WAYS}


def _share(found: SetFigures, mark: str, name: str) -> float | None:
    """Return the share of the way from the start to the fitted weights, in percent; None where there is no way."""
    way = found["fitted"][name] - found["start"][name]
    return 100.0 * (found[mark][name] - found["start"][name]) / way if way >= LEAST_WAY else None


def _pair(values: Floats) -> Pair:
    return dict(zip(FIGURES, values.tolist(), strict=True))


def _mean_of(results: Sequence[SetFigures]) -> SetFigures:
    """Average figures over sets. Shares of the way are those of the mean gains; the worst drop is the worst of all."""
    found: SetFigures = {}
    for name in results[0]:
        values = [one[name] for one in results]
        if name == "worst_drop":
            found[name] = {figure: max(value[figure] for value in values) for figure in FIGURES}
        elif name in {"start", "fitted"} or name.startswith("after_"):
            found[name] = {figure: float(np.mean([value[figure] for value in values])) for figure in FIGURES}
        elif isinstance(values[0], dict) and not name.startswith("way_") and name not in {CREDIT, DROP_INTERVAL}:
            found[name] = _mean_of(values)
    return found | (_ways(found) if "start" in found else {})


def set_tables(result: Mapping[str, SetFigures]) -> Iterator[Table]:
    """Make tables, each at most 120 columns wide."""
    told = "10 % of the feedbacks wrong"
    for figure, title in (("r10", "R@10"), ("hit1", "hit@1")):
        yield _curve_table(result, figure, f"{title} in percent after so many feedbacks, as shipped, {told}")
        left_out = {name: one[LEFT_OUT] for name, one in result.items() if LEFT_OUT in one}
        if left_out:
            yield _curve_table(left_out, figure, f"{title}, from a prior and shapes that have not seen the set, {told}")
    yield _wrong_table(result)
    for start, title in ((None, "from the shipped prior"), (LEFT_OUT, "from a prior that has not seen the set")):
        rows = {name: one if start is None else one[start] for name, one in result.items() if not start or start in one}
        if rows:
            yield _peer_table(rows, f"R@10 / hit@1 after 60 feedbacks, {title}, {told}")


def _curve_table(rows: Mapping[str, SetFigures], figure: str, title: str) -> Table:
    marks = ["start", *(str(mark) for mark in AFTER), "fitted"]
    table = Table("set", *marks, "way 20", "way 60", "worst drop", "95 %", title=title)
    for name, one in rows.items():
        values = [one["start"], *(one[f"after_{mark}"] for mark in AFTER), one["fitted"]]
        table.add_row(
            name,
            *(f"{value[figure]:.1f}" for value in values),
            *(_percent(one[f"way_{mark}"][figure]) for mark in WAYS),
            f"{one['worst_drop'][figure]:.1f}",
            _bounds(one, figure),
        )
    return table


def _wrong_table(result: Mapping[str, SetFigures]) -> Table:
    names = [f"{100 * wrong:.0f} % wrong" for wrong in WRONG]
    table = Table("set", *names, *(f"drop, {name}" for name in names), title="R@10 / hit@1 after 60, and worst drops")
    for name, one in result.items():
        curves = [one[EVIDENCE if wrong == TYPICAL else f"wrong_{100 * wrong:.0f}"] for wrong in WRONG]
        table.add_row(
            name, *(_both(curve["after_60"]) for curve in curves), *(_both(curve["worst_drop"]) for curve in curves)
        )
    return table


def _peer_table(rows: Mapping[str, SetFigures], title: str) -> Table:
    table = Table("set", *PEERS, EVIDENCE, "fitted", title=title)
    for name, one in rows.items():
        found = [*(one[column]["after_60"] for column in (*PEERS, EVIDENCE)), one[EVIDENCE]["fitted"]]
        table.add_row(name, *map(_both, found))
    return table


def _bounds(one: SetFigures, figure: str) -> str:
    return "to".join(f" {bound:.1f} " for bound in one[DROP_INTERVAL][figure]).strip() if DROP_INTERVAL in one else "-"


def _both(pair: Pair) -> str:
    return " / ".join(f"{pair[figure]:.1f}" for figure in FIGURES)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0f} %"
