"""A learner's history as text: what moved a weight, by which event, signal and rate. Pure: values in, text out."""

from collections.abc import Mapping, Sequence
from typing import Any

from soma.cli.showing import SMALLEST, WEIGHT_OF_VIEW, in_order

KINDS = {
    "Answer": "verdict on an answer",
    "Evidence": "memories that helped",
    "IterationOutcome": "iteration",
    "Restore": "rollback",
    "Promotion": "experiment",
}
UTILITY = ("lambda", "mu", "nu")
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


def why(history: Mapping[str, Any], weight: str) -> list[str]:
    """The story of one weight, oldest first: a line for each update that moved it."""
    return [_told(update, weight) for update in history["updates"] if _moves(update, weight)]


def _moves(update: Mapping[str, Any], weight: str) -> bool:
    return any(abs(update[field].get(weight, 0.0)) >= SMALLEST for field in ("weight_deltas", "learned_deltas"))


def _told(update: Mapping[str, Any], weight: str) -> str:
    learned, served = update["learned_deltas"].get(weight, 0.0), update["weight_deltas"].get(weight, 0.0)
    steps = [f"learned {learned:+.4f}"]
    if abs(served - learned) >= SMALLEST:
        steps.append(f"in use {served:+.4f} (trust {update['trust_before']:.2f} -> {update['trust']:.2f})")
    source = f"turn {update['turn_id']}" if update.get("turn_id") else f"event {update['event_id']}"
    return (
        f"version {update['version']}, {when(update)}, {cause_of(update)}: {update['reason']}. "
        f"{_rule(update, weight)}: {', '.join(steps)}, now {update['weights'][weight]:.4f} [{source}]"
    )


def _rule(update: Mapping[str, Any], weight: str) -> str:
    """By which rule it moved, with the numbers that went in."""
    if update["kind"] in {"Restore", "Promotion"}:
        return "As recorded"
    if weight == "tau":
        return "Diversity of what was shown"
    signal = signal_of(update, weight)
    if weight in UTILITY:
        return f"Regression on {signal}, credit {update['credit']:g}"
    return f"{signal[0].upper()}{signal[1:]}, learning rate {update['learning_rate']:.3f}, credit {update['credit']:g}"


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
