"""A page names no file that is not there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PLACES = {  # how a path of ours begins, and from where it leads
    ROOT: ("src/", "tests/", "docs/", "requirements/", "deploy/", "web/", ".ci/"),
    ROOT / "src" / "soma": ("agent/", "brain/", "memory/", "events/", "cli/", "bench/"),
}
CODE = re.compile(r"(?<!New file )`([\w.][\w./*-]*)(?:::\w+)?`")  # a recipe's new file is not there yet


def paths(text: str) -> list[tuple[Path, str]]:
    """Return paths of the repository that stand in `code font`, each with the folder that it leads from."""
    return [
        (folder, name)
        for name in CODE.findall(text)
        for folder, beginnings in PLACES.items()
        if name.startswith(beginnings)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_path_that_a_page_names_exists(page):
    missing = [name for folder, name in paths(page.read_text("utf-8")) if not any(folder.glob(name.rstrip("/")))]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_module_that_a_page_names_exists(page):
    """A page may leave out the folder of a module, or the folders above it."""
    named = {name for name in CODE.findall(page.read_text("utf-8")) if name.endswith(".py") and "*" not in name}
    known = {
        f"/{path.relative_to(ROOT).as_posix()}" for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py")
    }
    assert not {name for name in named if not any(path.endswith(f"/{name}") for path in known)}


def test_a_path_is_found_by_how_it_begins():
    text = "See `src/soma/agent/turn/loop.py`, `agent/turn/loop.py`, `tests/a/*.py`, `turn.py`, `/brain/x` and `n/a`."
    assert [name for _, name in paths(text)] == ["src/soma/agent/turn/loop.py", "agent/turn/loop.py", "tests/a/*.py"]
