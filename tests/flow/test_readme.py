"""What the README tells people to try is tried, line by line, as somebody does who has just started."""

import re
import shlex
from pathlib import Path

import pytest
from tests.flow.product import start

README = Path(__file__).parents[2] / "README.md"
NOTE = "I went to Lisbon in May and rode tram 28 with Ana."


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "travel.md").write_text(f"# Travel\n\n{NOTE}\n")
    return folder


def commands():
    """The words of each command after `More to try`."""
    block = README.read_text().partition("More to try:\n\n")[2]
    lines = re.match(r"(?: {4}.+\n)+", block)
    assert lines
    return [shlex.split(line, comments=True) for line in lines.group().splitlines()]


def test_every_command_that_the_readme_names_does_what_it_says(tmp_path, notes):
    soma = start(tmp_path / "data")
    said = {}
    for command, *words in commands():
        assert command == "soma"
        ended = soma.run(*(str(notes) if word == "notes/" else word for word in words))
        assert ended.returncode == 0, (words, ended.stderr)
        said[" ".join(words[:2])] = ended.stdout
    soma.stop()
    answer = said["chat what did I write about Lisbon?"]
    assert NOTE in answer
    assert "[1]" in answer
    assert "travel.md" in answer
