"""Resemblance: the share of an earlier text that is in another, for documents known by their chunks only. Pure."""

import re
from collections.abc import Iterable

SAME = 0.999  # all of it is there
ALIKE = 0.5  # an edited file still holds as much of what it was
RUN = 3  # words that stand together

WORD = re.compile(r"\w+")


def resemblance(former: Iterable[str], text: str) -> float:
    """Return the share of the runs of words in the `former` texts that are in `text`, from 0 to 1."""
    runs = {run for one in former for run in _runs(one)}
    return len(runs & _runs(text)) / len(runs) if runs else 0.0


def _runs(text: str) -> set[tuple[str, ...]]:
    words = WORD.findall(text.casefold())
    return {tuple(words[at : at + RUN]) for at in range(max(1, len(words) - RUN + 1))} if words else set()
