"""A learner's history as text: what moved a weight, by which event, signal and rate. Pure: values in, text out."""

from collections.abc import Mapping, Sequence
from typing import Any

from soma.cli.output.formatting import NEUROMODULATORS, SMALLEST, WEIGHT_OF_VIEW, sort_names

KINDS = {
    "Answer": "verdict on an answer",
    "Evidence": "memories that helped",
    "IterationOutcome": "iteration",
    "Restore": "rollback",
    "Promotion": "experiment",
}
UNTRUSTED = ("tau", "lambda", "mu", "nu")  # used as learned, whatever the trust
STRONGEST = 3
SHOWN = 8  # weights of one update that are named


def moved_weights(update: Mapping[str, Any], *, learned: bool = False) -> dict[str, float]:
    """The changes of weights that four decimals show."""
    deltas = update["learned_deltas" if learned else "weight_deltas"]
    return {name: deltas[name] for name in sort_names(deltas) if abs(deltas[name]) >= SMALLEST}


def cause_of(update: Mapping[str, Any]) -> str:
    if update["cause"] == "reward_voided":
        return "reward voided"
    what = KINDS.get(update["kind"], update["kind"].lower())
    return what if update["cause"] in {"rollback", "experiment"} else f"{update['cause']}: {what}"


def signal_of(update: Mapping[str, Any], weight: str | None = None) -> str:
    """Format the signal of an update: the slope of a view, or the reward."""
    signals = update["signals"]
    if weight is not None and weight in signals:
        return f"slope {signals[weight]:+.3f}"
    if update["reward"] is not None:
        return f"reward {update['reward']:+.2f}"
    strongest = sorted(signals, key=lambda name: -abs(signals[name]))[:STRONGEST]
    return ", ".join(f"{name} {signals[name]:+.2f}" for name in strongest)


def note_of(update: Mapping[str, Any]) -> str:
    """List what limited an update: the gate, the guard, or bounds."""
    notes = [name for name in ("gated", "guarded") if update[name]]
    return ", ".join([*notes, *(f"{name} clipped" for name in update["clipped"])])


def when(update: Mapping[str, Any]) -> str:
    return str(update["at"])[:19].replace("T", " ")


def summary_of(update: Mapping[str, Any]) -> tuple[str, str]:
    """Describe an update in two lines: what happened, and what it moved."""
    facts = [f"{update['version']:>6}  {when(update)}  {cause_of(update)}"]
    if signal := signal_of(update):
        facts.append(signal)
    facts += [f"rate {update['learning_rate']:.3f}", f"trust {update['trust']:.2f}"]
    facts += [
        f"floor of {name} {update['floors_before'][name]:.3f} -> {now:.3f}" for name, now in update["floors"].items()
    ]
    changes = moved_weights(update)
    shown = ", ".join(f"{name} {delta:+.4f}" for name, delta in list(changes.items())[:SHOWN])
    more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
    note = f" ({note_of(update)})" if note_of(update) else ""
    return ", ".join(facts), f"{'':8}{shown or 'moved no weight'}{more}{note}"


def updates_that_moved(history: Mapping[str, Any], weight: str) -> list[Mapping[str, Any]]:
    """Return the updates that moved a weight, oldest first."""
    return [update for update in history["updates"] if _moves(update, weight)]


def _moves(update: Mapping[str, Any], weight: str) -> bool:
    return any(abs(update[field].get(weight, 0.0)) >= SMALLEST for field in ("weight_deltas", "learned_deltas"))


def explain(update: Mapping[str, Any], weight: str) -> list[str]:
    """Explain how an update moved a weight, with every number that is needed to compute the move again."""
    source = f"turn {update['turn_id']}" if update.get("turn_id") else f"event {update['event_id']}"
    credit = "" if update["credit"] == 1.0 else f", credit {update['credit']:g}"
    # A neuromodulator at its bound moves no weight.
    cut = [name for name in update["clipped"] if name not in NEUROMODULATORS]
    reason = ", ".join([update["reason"], *(f"{name} clipped" for name in cut)])
    learned, served = update["learned_deltas"].get(weight, 0.0), update["weight_deltas"].get(weight, 0.0)
    trusted = f", trust {update['trust_before']:.4f} -> {update['trust']:.4f}" if weight not in UNTRUSTED else ""
    moved = update["shape_moves"].get(weight, 0.0)
    clearer = [f"shapes  {moved:+.4f}, as the kind of data became clearer"] if abs(moved) >= SMALLEST else []
    return [
        f"version {update['version']}, {when(update)}, {cause_of(update)}{credit}",
        f"{reason} [{source}]",
        f"learned {learned - moved:+.4f} {_rule(update, weight)}",
        *clearer,
        f"in use  {served:+.4f}, now {update['weights'][weight]:.4f}{trusted}",
    ]


def step_of(update: Mapping[str, Any], weight: str) -> float:
    """The step by which evidence moves the weight of a view: see `docs/reference/learning.md`."""
    known = update["curvature_start"] + update["curvatures"][weight]
    return float(update["evidence_step"] * update["learning_factor"] * update["signals"][weight] / known)


def _rule(update: Mapping[str, Any], weight: str) -> str:
    """Name the rule that moved the weight, with its numbers."""
    if update["kind"] in {"Restore", "Promotion"}:
        return "as recorded"
    if update["guarded"]:
        return "by the guard, which restored the last good weights"
    if weight == "tau":
        return "by the diversity of what was shown"
    if weight in update["signals"]:
        return _newton(update, weight)
    if update["features"]:
        terms = ", ".join(f"{name} {term:+.4f}" for name, term in update["features"].items())
        return f"by regression of reward {update['reward']:+.4f} on {terms}"
    return f"by the literal rule, learning rate {update['learning_rate']:.4f}"


def _newton(update: Mapping[str, Any], weight: str) -> str:
    moved = update["learned_deltas"].get(weight, 0.0) - update["shape_moves"].get(weight, 0.0)
    is_cut = abs(step_of(update, weight) - moved) >= SMALLEST
    return (
        f"= step size {update['evidence_step']:g} x rate factor {update['learning_factor']:.4f} "
        f"x slope {update['signals'][weight]:+.4f} "
        f"/ curvature ({update['curvature_start']:g} + {update['curvatures'][weight]:.4f})"
        f"{', held at its bound' if is_cut else ''}"
    )


def text_of_beginning(history: Mapping[str, Any]) -> str:
    """The note on a history that begins at a checkpoint; empty if it goes back to the first update."""
    oldest = history.get("oldest_version", 0)
    if not oldest or history["start_version"] > oldest:
        return ""
    signed = f" of {history['oldest_at'][:10]}" if history.get("oldest_at") else ""
    return f"begins at the signed checkpoint{signed}, version {oldest}: earlier updates were erased after their time"


def series(history: Mapping[str, Any], weight: str) -> list[tuple[int, float]]:
    """Pairs of version and value in use of a weight, beginning before the first update."""
    begin = [(history["start_version"], history["start_weights"])]
    points = begin + [(update["version"], update["weights"]) for update in history["updates"]]
    return [(version, weights[weight]) for version, weights in points if weight in weights]


def trust_series(history: Mapping[str, Any]) -> list[tuple[int, float]]:
    begin = [(history["start_version"], history["start_trust"])]
    return begin + [(update["version"], update["trust"]) for update in history["updates"]]


def join_pages(pages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Join successive pages of a history."""
    return {**pages[0], "updates": [update for page in pages for update in page["updates"]]}


def weight_name(name: str) -> str:
    """Return the weight of a view that is called by its own name: semantic is alpha."""
    return WEIGHT_OF_VIEW.get(name, name)
