"""How weights, memories and running text look, the same in every command. Pure: values in, text out."""

import re
from collections.abc import Iterable, Mapping
from textwrap import shorten
from typing import Any

from rich.cells import cell_len

WEIGHTS = ("alpha", "beta", "gamma", "tau", "lambda", "mu", "nu")
NEUROMODULATORS = ("dopamine", "serotonin", "noradrenaline", "acetylcholine")
FIRST = (*WEIGHTS, *NEUROMODULATORS)
WEIGHT_OF_VIEW = {"semantic": "alpha", "graph": "beta", "temporal": "gamma"}  # further views are called as their weight
STRONGEST = 3  # views that are named where there is no room for all
SMALLEST = 0.00005  # a change that four decimals show
LONGEST = 160  # characters of a memory in a list


def in_order(names: Iterable[str]) -> list[str]:
    """What has a name of its own first, then the further views alphabetically."""
    given = set(names)
    return [name for name in FIRST if name in given] + sorted(given - set(FIRST))


def excerpt(text: str) -> str:
    return shorten(text, LONGEST, placeholder=" …")


def parts_of(memory: Mapping[str, Any], weights: Mapping[str, float], *, every: bool = False) -> str:
    """The views that a memory was ranked by, those that moved its score most first; what was taught has its place by
    that.
    """
    parts = {view: value for view, value in memory["parts"].items() if value}
    by_effect = sorted(parts, key=lambda view: (-abs(parts[view] * weight_of(view, weights)), view))
    shown = [f"{view} {parts[view]:.2f}" for view in (by_effect if every else by_effect[:STRONGEST])]
    return ", ".join(["taught", *shown] if memory.get("taught") else shown)


def weight_of(view: str, weights: Mapping[str, float]) -> float:
    return weights.get(WEIGHT_OF_VIEW.get(view, view), 0.0)


class Wrapped:
    """Text that arrives in pieces, broken between words where the line ends; without a width as it comes."""

    def __init__(self, width: int | None) -> None:
        self._width = width
        self._column = 0
        self._gap = ""
        self._word = ""

    def add(self, text: str) -> str:
        """What can be printed now: all but a word that may go on."""
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
        """The word that was waiting."""
        word, self._word = self._word, ""
        if not word or self._width is None:
            return ""
        gap, self._gap = self._gap if self._column else "", ""
        if self._column and self._column + cell_len(gap + word) > self._width:
            gap, self._column = "\n", 0
        self._column += cell_len(gap.lstrip("\n") + word)
        return gap + word
