"""A learner's history as one SVG: a small panel a weight, a dot an event, no library. Pure: values in, text out."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from soma.cli.output.formatting import SMALLEST, WEIGHTS
from soma.cli.output.history import cause_of, series, signal_of, trust_series

WIDTH, PANEL, GAP, MARGIN = 960, 92, 18, 28
COLUMNS = 2
HEAD, FOOT = 64, 44
FURTHER = 8  # further views that are drawn, at most: those that moved most
MOVED = 0.005  # the least range of a further view that is drawn
FLAT = 0.02  # the least height of an axis, so that a weight at rest is a quiet line
COLOURS = {
    "Evidence": "#2a9d8f",
    "Answer": "#e9a23b",
    "IterationOutcome": "#8d99ae",
    "Promotion": "#7b5ea7",
    "Restore": "#d1495b",
}
NAMES = {
    "Evidence": "evidence",
    "Answer": "verdict",
    "IterationOutcome": "iteration",
    "Promotion": "experiment",
    "Restore": "rollback",
}
STYLE = """
  text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: #2b2d42 }
  .title { font-size: 17px; font-weight: 600 } .name { font-weight: 600 } .dim { fill: #8d99ae; font-size: 11px }
  .line { fill: none; stroke: #3a5a98; stroke-width: 1.6; stroke-linejoin: round } .rest { stroke: #c9cfda }
  .frame { fill: #fff } .page { fill: #f4f6fa } .base { stroke: #e1e5ee }
  @media (prefers-color-scheme: dark) {
    text { fill: #e8eaf2 } .frame { fill: #1d2130 } .page { fill: #151824 } .line { stroke: #8fb1ff }
    .rest { stroke: #4a5168 } .base { stroke: #2c3247 }
  }
"""


class Panel(NamedTuple):
    name: str
    points: Sequence[tuple[int, float]]


def svg(history: Mapping[str, Any], *, title: str) -> str:
    panels = choose_panels(history)
    rows = -(-len(panels) // COLUMNS)
    height = HEAD + rows * (PANEL + GAP) + FOOT
    updates = {update["version"]: update for update in history["updates"]}
    first, last = history["start_version"], max([history["start_version"], *updates])
    body = [_panel(panel, number, updates, first, last) for number, panel in enumerate(panels)]
    return "\n".join(
        [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
                f'height="{height}" role="img" aria-label="{escape(title)}">'
            ),
            f"<style>{STYLE}</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}" rx="10"/>',
            f'<text class="title" x="{MARGIN}" y="34">{escape(title)}</text>',
            f'<text class="dim" x="{MARGIN}" y="52">versions {first} to {last}, {len(updates)} updates</text>',
            *body,
            _legend(height - FOOT / 2 + 4),
            "</svg>\n",
        ]
    )


def choose_panels(history: Mapping[str, Any]) -> list[Panel]:
    """Choose what is drawn: the seven weights, trust, and the further views that moved."""
    further = sorted(set(history["start_weights"]) - set(WEIGHTS), key=lambda name: (-_range(history, name), name))
    moving = [name for name in further if _range(history, name) >= MOVED][:FURTHER]
    weights = [name for name in WEIGHTS if name in history["start_weights"]]
    return [
        *(Panel(name, series(history, name)) for name in weights),
        Panel("trust", trust_series(history)),
        *(Panel(name, series(history, name)) for name in moving),
    ]


def _range(history: Mapping[str, Any], name: str) -> float:
    values = [value for _, value in series(history, name)]
    return max(values) - min(values) if values else 0.0


def _panel(panel: Panel, number: int, updates: Mapping[int, Any], first: int, last: int) -> str:
    width = (WIDTH - 2 * MARGIN - GAP * (COLUMNS - 1)) / COLUMNS
    left = MARGIN + number % COLUMNS * (width + GAP)
    top = HEAD + number // COLUMNS * (PANEL + GAP)
    values = [value for _, value in panel.points]
    low, high = min(values), max(values)
    spare = max(0.0, FLAT - (high - low)) / 2
    low, high = low - spare, high + spare

    def place(version: int, value: float) -> tuple[float, float]:
        along = (version - first) / max(1, last - first)
        return left + 12 + along * (width - 24), top + PANEL - 12 - (value - low) / (high - low) * (PANEL - 44)

    at = [place(*point) for point in panel.points]
    change = values[-1] - values[0]
    quiet = "" if max(values) - min(values) >= SMALLEST else " rest"
    return "\n".join(
        [
            f'<rect class="frame" x="{left:.1f}" y="{top}" width="{width:.1f}" height="{PANEL}" rx="6"/>',
            (
                f'<line class="base" x1="{left + 12:.1f}" x2="{left + width - 12:.1f}" y1="{at[0][1]:.1f}" '
                f'y2="{at[0][1]:.1f}"/>'
            ),
            f'<text class="name" x="{left + 12:.1f}" y="{top + 20}">{escape(panel.name)}</text>',
            (
                f'<text class="dim" text-anchor="end" x="{left + width - 12:.1f}" y="{top + 20}">'
                f"{values[0]:.3f} → {values[-1]:.3f} ({change:+.3f})</text>"
            ),
            f'<path class="line{quiet}" d="{_path(at)}"/>',
            *_dots(panel, at, updates),
        ]
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Steps: a weight stays as it is until the next event."""
    (x, y), *rest = points
    return " ".join([f"M{x:.1f},{y:.1f}", *(f"H{x:.1f}V{y:.1f}" for x, y in rest)])


def _dots(panel: Panel, at: Sequence[tuple[float, float]], updates: Mapping[int, Any]) -> list[str]:
    """One where an event moved this weight; it tells on hovering which one."""
    dots = []
    for number, (version, value) in enumerate(panel.points[1:], 1):
        if abs(value - panel.points[number - 1][1]) >= SMALLEST:
            update, (x, y) = updates[version], at[number]
            text = f"version {version}: {cause_of(update)}, {signal_of(update, panel.name)}, now {value:.4f}"
            colour = COLOURS.get(update["kind"], "#8d99ae")
            dots.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{colour}"><title>{escape(text)}</title></circle>'
            )
    return dots


def _legend(y: float) -> str:
    parts, x = [], float(MARGIN)
    for kind, name in NAMES.items():
        parts.append(f'<circle cx="{x + 4:.0f}" cy="{y - 4:.0f}" r="4" fill="{COLOURS[kind]}"/>')
        parts.append(f'<text class="dim" x="{x + 13:.0f}" y="{y:.0f}">{name}</text>')
        x += 34 + 7 * len(name)
    return "\n".join(parts)
