"""Every `soma` command that a page shows exists, with its options."""

import re
import shlex
from pathlib import Path

import click
import pytest

from soma.cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
IN_A_BLOCK = re.compile(r"^ {4,}(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?soma (.+)$", re.MULTILINE)
IN_A_LINE = re.compile(r"`soma ([^`]+)`")


IN_MAKE = re.compile(r"^ {4,}make (\S+)|`make ([\w-]+)`", re.MULTILINE)


def commands(page: Path) -> list[str]:
    text = page.read_text("utf-8")
    return [*IN_A_BLOCK.findall(text), *(" ".join(command.split()) for command in IN_A_LINE.findall(text))]


def unknown_words(line: str) -> list[str]:
    """Return the words of a command line that name no command or option."""
    command: click.Command = main
    words = [word.strip("[],.") for word in shlex.split(line, comments=True)]
    while words and isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            return [] if words[0].startswith("-") else [words[0]]
        command, words = found, words[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return [word for word in words if word.startswith("--") and word.partition("=")[0] not in known | {"--help"}]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_that_a_page_shows_exists(page):
    assert {line: unknown_words(line) for line in commands(page) if unknown_words(line)} == {}


def test_a_command_that_does_not_exist_is_found():
    assert unknown_words("memory recall --top-k 3 'a question'  # a comment") == []
    assert unknown_words("memory remember 'a text'") == ["remember"]
    assert unknown_words("weights --which alpha") == ["--which"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_target_of_make_that_a_page_names_exists(page):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = {one or other for one, other in IN_MAKE.findall(page.read_text("utf-8"))}
    assert named - {*targets, "#"} == set()
