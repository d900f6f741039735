"""Formatting of weights, memories and running text, the same in every command. Pure: values in, text out."""

import re
from collections.abc import Iterable, Mapping
from textwrap import shorten
from typing import Any

from rich.cells import cell_len

WEIGHTS = ("alpha", "beta", "gamma", "tau", "lambda", "mu", "nu")
NEUROMODULATORS = ("dopamine", "serotonin", "noradrenaline", "acetylcholine")
FIRST = (*WEIGHTS, *NEUROMODULATORS)
WEIGHT_OF_VIEW = {"semantic": "alpha", "graph": "beta", "temporal": "gamma"}  # further views are called as their weight
STRONGEST = 3  # views that are named if there is no room for all
SMALLEST = 0.00005  # a change that four decimals show
STRANGER = "stranger"  # among the shapes: no kind of data
TELLING = 0.1  # share from which a shape is named
LONGEST = 160  # characters of a memory in a list


def sort_names(names: Iterable[str]) -> list[str]:
    """Sort the names of weights: the seven and the neuromodulators first, then further views alphabetically."""
    rest = set(names)
    return [name for name in FIRST if name in rest] + sorted(rest - set(FIRST))


def excerpt(text: str) -> str:
    return shorten(text, LONGEST, placeholder=" …")


def format_parts(memory: Mapping[str, Any], weights: Mapping[str, float], *, every: bool = False) -> str:
    """List the views by which a memory was ranked, those with the most effect on its score first.

    `taught` comes first: a correction decides the place of a memory, whatever its views.
    """
    parts = {view: value for view, value in memory["parts"].items() if value}
    by_effect = sorted(parts, key=lambda view: (-abs(parts[view] * weight_of(view, weights)), view))
    shown = [f"{view} {parts[view]:.2f}" for view in (by_effect if every else by_effect[:STRONGEST])]
    return ", ".join(["taught", *shown] if memory.get("taught") else shown)


def weight_of(view: str, weights: Mapping[str, float]) -> float:
    return weights.get(WEIGHT_OF_VIEW.get(view, view), 0.0)


class WordWrapper:
    """Breaks text that arrives in pieces into lines between words; without a width, leaves it as it is."""

    def __init__(self, width: int | None) -> None:
        self._width = width
        self._column = 0
        self._gap = ""
        self._word = ""

    def add(self, text: str) -> str:
        """Add a piece and return what can be printed now: all but a last word that may not be complete."""
        if self._width is None:
            return text
        ready = []
        for piece in re.findall(r"\n|[^\S\n]+|\S+", text):
            if piece.strip():
                self._word += piece
                continue
            ready.append(self.end())
            if piece == "\n":
                ready.append(piece)
                self._column, self._gap = 0, ""
            else:
                self._gap = piece
        return "".join(ready)

    def end(self) -> str:
        """Return the last word."""
        word, self._word = self._word, ""
        if not word or self._width is None:
            return ""
        gap, self._gap = self._gap if self._column else "", ""
        if self._column and self._column + cell_len(gap + word) > self._width:
            gap, self._column = "\n", 0
        self._column += cell_len(gap.lstrip("\n") + word)
        return gap + word


def describe_floors(floors: Mapping[str, float], questions: float) -> str:
    """Say how near to a question memories must be to be shown, and what that was learned from."""
    learned = f"learned from {questions:.0f} held-out questions" if questions else "the default"
    nearness, bearing = floors["nearness"], floors["bearing"]
    return f"shown are memories with a bearing of {bearing:.2f} or more, if the nearest is at {nearness:.2f}; {learned}"


def describe_shapes(shapes: Mapping[str, float]) -> str:
    """Say which kind of data a learner has found its own to be, and how surely; the stranger is no kind."""
    kinds = sorted(((share, name) for name, share in shapes.items() if name != STRANGER), reverse=True)
    telling = [f"{name} ({100 * share:.0f} %)" for share, name in kinds if share >= TELLING]
    if not telling:
        return "it is not clear yet what kind of data this is"
    return f"this looks like {', '.join(telling)}"
