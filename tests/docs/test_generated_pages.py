"""Generated pages are current, settings are read, links lead somewhere."""

import re
from pathlib import Path

from soma.agent.settings import Settings
from soma.brain.settings import BrainSettings
from soma.cli.docs import configuration, tree

ROOT = Path(__file__).parents[2]
SOURCES = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))


README_BYTES = 9 * 1024


def test_the_configuration_page_is_what_the_settings_say():
    assert (ROOT / "docs" / "configuration.md").read_text("utf-8") == configuration.render_page(), "run `make docs`"


def test_the_tree_of_the_source_is_true():
    assert (ROOT / "docs" / "tree.md").read_text("utf-8") == tree.render_page(), "run `make docs`"


def test_the_folders_in_the_readme_are_true():
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme == tree.with_folders(readme), "run `make docs`"


def test_the_readme_is_one_page():
    assert (ROOT / "README.md").stat().st_size <= README_BYTES


def test_every_folder_and_module_says_what_it_is_for():
    lines = (ROOT / "docs" / "tree.md").read_text("utf-8").partition("src/soma/\n")[2].splitlines()
    assert not [line for line in lines if re.search(r"^ +\w+(\.py|/)$", line)]


def test_the_steps_of_a_turn_have_one_numbering():
    """The page of the architecture and the docstrings of the files number them alike, from 1 to 12."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    shown = re.findall(r"^\| (\d+) [a-z ]+ \| .+? \| `(.+?)` \|", page, re.MULTILINE)
    assert [int(number) for number, _ in shown] == list(range(1, 13))
    stated = {(number, path) for path, number in _steps_in_docstrings()}
    assert stated == set(shown)


def _steps_in_docstrings():
    """Yield (path, number) for each module whose docstring opens with `Step 6` or `Steps 9 and 10`."""
    for path in (ROOT / "src" / "soma" / "agent").rglob("*.py"):
        opened = re.match(r'"""Steps? (\d+)(?: and (\d+))?\b(?! to)', path.read_text("utf-8"))
        for number in filter(None, opened.groups() if opened else ()):
            yield path.relative_to(ROOT / "src" / "soma").as_posix(), number


def test_every_setting_is_read_somewhere():
    for group in (Settings, BrainSettings):
        for name in group.model_fields:
            assert re.search(rf"\.{name}\b", SOURCES), f"nothing reads the setting {name}"


def test_links_between_pages_lead_somewhere():
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for link, anchor in re.findall(r"\]\((?!http)([^)#]*)(?:#([^)]+))?\)", document.read_text("utf-8")):
            target = document.parent / link if link else document
            assert target.exists(), f"{document.name}: {link}"
            assert not anchor or anchor in _anchors(target), f"{document.name}: {link}#{anchor}"


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of the page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
