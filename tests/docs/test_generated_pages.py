"""What is generated is current, what is promised is read."""

import re
from pathlib import Path

from soma.agent.settings import Settings
from soma.brain.settings import BrainSettings
from soma.cli.docs.configuration import render_page
from soma.cli.docs.tree import with_tree

ROOT = Path(__file__).parents[2]
SOURCES = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))


def test_the_configuration_page_is_what_the_settings_say():
    assert (ROOT / "docs" / "configuration.md").read_text("utf-8") == render_page(), "run `make docs`"


def test_the_tree_of_the_readme_is_true():
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme == with_tree(readme), "run `make docs`"


def test_every_module_says_what_it_is_for():
    nameless = [
        line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if re.search(r"^ +\w+\.py$", line)
    ]
    assert not nameless


def test_every_setting_is_read_somewhere():
    for group in (Settings, BrainSettings):
        for name in group.model_fields:
            assert re.search(rf"\.{name}\b", SOURCES), f"nothing reads the setting {name}"


def test_links_between_pages_lead_somewhere():
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!http)([^)#]+)", document.read_text("utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
