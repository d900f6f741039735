"""The recipes of CONTRIBUTING.md: the files that each adds or changes, and how to apply them to a tree."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECIPE = re.compile(r"^### (Add .+)$", re.MULTILINE)
PLACE = re.compile(r"^(New file|In) `([^`]+)`[^\n]*:\n\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HUNKS = re.compile(r"^@@\n", re.MULTILINE)


class Stale(Exception):
    """A recipe that does not fit the tree any more."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file of the tree. `hunks` are (lines that stand there, lines in their place); a new file has `text`."""

    path: str
    text: str = ""
    hunks: tuple[tuple[str, str], ...] = ()

    def apply(self, root: Path) -> None:
        """Write the file. Raises Stale where it is there already, or a hunk does not fit in one place."""
        file = root / self.path
        if file.exists() != bool(self.hunks):
            raise Stale(f"{self.path} is {'there already' if file.exists() else 'not there'}")
        text = file.read_text("utf-8") if self.hunks else self.text
        for old, new in self.hunks:
            found = [match.start() for match in re.finditer(rf"^{re.escape(old)}", text, re.MULTILINE)]
            if len(found) != 1:
                raise Stale(f"{self.path} holds {len(found)} times:\n{old}")
            text = f"{text[: found[0]]}{new}{text[found[0] + len(old) :]}"
        file.write_text(text, "utf-8")


def recipes() -> dict[str, tuple[Place, ...]]:
    """Return the places of each recipe by its heading."""
    _, *parts = RECIPE.split((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    return {heading: tuple(_places(text)) for heading, text in zip(parts[::2], parts[1::2], strict=True)}


def _places(text: str) -> Iterator[Place]:
    for kind, path, language, block in PLACE.findall(text):
        if (kind == "In") != (language == "diff"):
            raise Stale(f"{path}: a file is changed by a diff, and a new one is shown whole")
        yield Place(path, hunks=tuple(map(_hunk, HUNKS.split(block)))) if kind == "In" else Place(path, text=block)


def _hunk(block: str) -> tuple[str, str]:
    lines = [line or " " for line in block.splitlines()]
    old = "".join(f"{line[1:]}\n" for line in lines if line[0] in " -")
    new = "".join(f"{line[1:]}\n" for line in lines if line[0] in " +")
    return old, new
