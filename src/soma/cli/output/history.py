"""A learner's history as text: what moved a weight, by which event, signal and rate. Pure: values in, text out."""

from collections.abc import Mapping, Sequence
from typing import Any

from soma.cli.output.formatting import NEUROMODULATORS, SMALLEST, WEIGHT_OF_VIEW, in_order

KINDS = {
    "Answer": "verdict on an answer",
    "Evidence": "memories that helped",
    "IterationOutcome": "iteration",
    "Restore": "rollback",
    "Promotion": "experiment",
}
UNTRUSTED = ("tau", "lambda", "mu", "nu")  # in use as they were learned
STRONGEST = 3
SHOWN = 8  # weights of one update that are named


def moved(update: Mapping[str, Any], *, learned: bool = False) -> dict[str, float]:
    """Weights that changed by more than four decimals hide."""
    deltas = update["learned_deltas" if learned else "weight_deltas"]
    return {name: deltas[name] for name in in_order(deltas) if abs(deltas[name]) >= SMALLEST}


def cause_of(update: Mapping[str, Any]) -> str:
    if update["cause"] == "reward_voided":
        return "reward voided"
    what = KINDS.get(update["kind"], update["kind"].lower())
    return what if update["cause"] in {"rollback", "experiment"} else f"{update['cause']}: {what}"


def signal_of(update: Mapping[str, Any], weight: str | None = None) -> str:
    """The number that pushed: a view's slope, or the reward."""
    signals = update["signals"]
    if weight is not None and weight in signals:
        return f"slope {signals[weight]:+.3f}"
    if update["reward"] is not None:
        return f"reward {update['reward']:+.2f}"
    strongest = sorted(signals, key=lambda name: -abs(signals[name]))[:STRONGEST]
    return ", ".join(f"{name} {signals[name]:+.2f}" for name in strongest)


def note_of(update: Mapping[str, Any]) -> str:
    """What held it back or stepped in."""
    notes = [name for name in ("gated", "guarded") if update[name]]
    return ", ".join([*notes, *(f"{name} clipped" for name in update["clipped"])])


def when(update: Mapping[str, Any]) -> str:
    return str(update["at"])[:19].replace("T", " ")


def told(update: Mapping[str, Any]) -> tuple[str, str]:
    """An update in two lines: what happened, and what it moved."""
    facts = [f"{update['version']:>6}  {when(update)}  {cause_of(update)}"]
    if signal := signal_of(update):
        facts.append(signal)
    facts += [f"rate {update['learning_rate']:.3f}", f"trust {update['trust']:.2f}"]
    changes = moved(update)
    shown = ", ".join(f"{name} {delta:+.4f}" for name, delta in list(changes.items())[:SHOWN])
    more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
    note = f" ({note_of(update)})" if note_of(update) else ""
    return ", ".join(facts), f"{'':8}{shown or 'moved no weight'}{more}{note}"


def why(history: Mapping[str, Any], weight: str) -> list[Mapping[str, Any]]:
    """The updates that moved one weight, oldest first."""
    return [update for update in history["updates"] if _moves(update, weight)]


def _moves(update: Mapping[str, Any], weight: str) -> bool:
    return any(abs(update[field].get(weight, 0.0)) >= SMALLEST for field in ("weight_deltas", "learned_deltas"))


def story(update: Mapping[str, Any], weight: str) -> list[str]:
    """Why an update moved a weight, so that the move can be worked out again from what is said."""
    source = f"turn {update['turn_id']}" if update.get("turn_id") else f"event {update['event_id']}"
    credit = "" if update["credit"] == 1.0 else f", credit {update['credit']:g}"
    cut = [name for name in update["clipped"] if name not in NEUROMODULATORS]  # a mood at its edge moves no weight
    reason = ", ".join([update["reason"], *(f"{name} clipped" for name in cut)])
    learned, served = update["learned_deltas"].get(weight, 0.0), update["weight_deltas"].get(weight, 0.0)
    trusted = f", trust {update['trust_before']:.4f} -> {update['trust']:.4f}" if weight not in UNTRUSTED else ""
    return [
        f"version {update['version']}, {when(update)}, {cause_of(update)}{credit}",
        f"{reason} [{source}]",
        f"learned {learned:+.4f} {_rule(update, weight)}",
        f"in use  {served:+.4f}, now {update['weights'][weight]:.4f}{trusted}",
    ]


def step_of(update: Mapping[str, Any], weight: str) -> float:
    """How far evidence pushes the weight of a view: see `docs/reference/learning.md`."""
    known = update["curvature_start"] + update["curvatures"][weight]
    return float(update["evidence_step"] * update["learning_factor"] * update["signals"][weight] / known)


def _rule(update: Mapping[str, Any], weight: str) -> str:
    """By which rule it moved, with the numbers that went in."""
    if update["kind"] in {"Restore", "Promotion"}:
        return "as recorded"
    if update["guarded"]:
        return "by the guard, which brought the last good lesson back"
    if weight == "tau":
        return "by the diversity of what was shown"
    if weight in update["signals"]:
        return _newton(update, weight)
    if update["features"]:
        terms = ", ".join(f"{name} {term:+.4f}" for name, term in update["features"].items())
        return f"by regression of reward {update['reward']:+.4f} on {terms}"
    return f"by the literal rule, learning rate {update['learning_rate']:.4f}"


def _newton(update: Mapping[str, Any], weight: str) -> str:
    held = abs(step_of(update, weight) - update["learned_deltas"].get(weight, 0.0)) >= SMALLEST
    return (
        f"= step size {update['evidence_step']:g} x rate factor {update['learning_factor']:.4f} "
        f"x slope {update['signals'][weight]:+.4f} "
        f"/ curvature ({update['curvature_start']:g} + {update['curvatures'][weight]:.4f})"
        f"{', held at its bound' if held else ''}"
    )


def begins(history: Mapping[str, Any]) -> str:
    """What is said where the learner's past does not go back to its first day; else nothing."""
    oldest = history.get("oldest_version", 0)
    if not oldest or history["start_version"] > oldest:
        return ""
    signed = f" of {history['oldest_at'][:10]}" if history.get("oldest_at") else ""
    return f"begins at the signed checkpoint{signed}, version {oldest}: what was told before was erased after its time"


def series(history: Mapping[str, Any], weight: str) -> list[tuple[int, float]]:
    """(version, what was served) of one weight, from before the first update on."""
    begin = [(history["start_version"], history["start_weights"])]
    points = begin + [(update["version"], update["weights"]) for update in history["updates"]]
    return [(version, weights[weight]) for version, weights in points if weight in weights]


def trust_series(history: Mapping[str, Any]) -> list[tuple[int, float]]:
    begin = [(history["start_version"], history["start_trust"])]
    return begin + [(update["version"], update["trust"]) for update in history["updates"]]


def joined(pages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Pages of history, one after another, as one."""
    return {**pages[0], "updates": [update for page in pages for update in page["updates"]]}


def known_name(name: str) -> str:
    """A view may be called by its own name: semantic is alpha."""
    return WEIGHT_OF_VIEW.get(name, name)
