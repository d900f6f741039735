"""The recipes of CONTRIBUTING.md fit the tree, and what they add works."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.recipe_book import ROOT, Place, Stale, recipes

RECIPES = recipes()
CHECKS = {  # which file of tests/docs/recipes checks a recipe, and the folder of tests whose fixtures that needs
    "Add a view": ("view.py", "memory"),
    "Add a tool": ("tool.py", "agent"),
    "Add a provider that speaks OpenAI's protocol": ("provider.py", "agent"),
    "Add a model adapter for another protocol": ("adapter.py", "agent"),
    "Add an event": ("fact.py", "events"),
    "Add an endpoint": ("endpoint.py", "agent"),
    "Add a setting": ("setting.py", "agent"),
}
# Tests of the tree that a whole recipe passes: they compare the code with pages, examples and types.
GUARDS = ("tests/events/test_facts.py", "tests/docs/test_generated_pages.py", "tests/docs/test_reference.py")
QUIET = ("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:unraisableexception")
COPIED = ("src", "tests", "docs")
FILES = ("pyproject.toml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE")


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A copy of the tree in which every recipe was followed."""
    root: Path = tmp_path_factory.mktemp("recipes")
    for folder in COPIED:
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, root)
    for places in RECIPES.values():
        for place in places:
            place.apply(root)
    for name, folder in CHECKS.values():
        shutil.copy(ROOT / "tests" / "docs" / "recipes" / name, root / "tests" / folder / f"test_recipe_{name}")
    return root


def run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "SOMA_"))}
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=tree, env=environment | {"PYTHONPATH": f"{tree / 'src'}"}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_every_recipe_has_a_check():
    assert RECIPES.keys() == CHECKS.keys()
    assert all(RECIPES.values())


def test_every_recipe_fits_the_tree_and_keeps_its_format(tree):
    files = [place.path for places in RECIPES.values() for place in places if place.path.endswith(".py")]
    for words in (("ruff", "check"), ("ruff", "format", "--check")):
        ended = run(tree, *words, *files)
        assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.long
def test_what_the_recipes_add_works(tree):
    for module, *pages in (("configuration",), ("tree", "README.md", "docs/tree.md")):  # as `make docs` does
        made = run(tree, f"soma.cli.docs.{module}", *pages)
        assert made.returncode == 0, made.stderr
        if not pages:
            (tree / "docs" / "configuration.md").write_text(made.stdout, "utf-8")
    checks = [f"tests/{folder}/test_recipe_{name}" for name, folder in CHECKS.values()]
    ended = run(tree, "pytest", *QUIET, *checks, *GUARDS)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_recipe_that_no_longer_fits_is_found(tmp_path):
    (tmp_path / "there.py").write_text("\na = 1\na = 1\n")
    for stale in (
        Place("there.py", text="a = 1\n"),
        Place("absent.py", hunks=(("a = 1\n", "a = 2\n"),)),
        Place("there.py", hunks=(("a = 1\n", "a = 2\n"),)),
        Place("there.py", hunks=(("b = 1\n", "b = 2\n"),)),
    ):
        with pytest.raises(Stale):
            stale.apply(tmp_path)
