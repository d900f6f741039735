"""The tutorial is followed line by line, by the owner of a tenant who has just started, and its answers are found."""

import re
import shlex
from pathlib import Path

import pytest

TUTORIAL = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text("utf-8")
NOTE = re.compile(r"^ {4}cat > (notes/\S+) <<'END'\n(.*?)^ {4}END$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^ {4}\$ soma (.+)\n((?:(?: {4}(?!\$).*)?\n)*)", re.MULTILINE)
QUOTED = re.compile(r"\"([^\"]+)\" \[\d\]")
MOVED = re.compile(r"^ +(alpha|lambda|session|surroundings|window) +([+-])[\d.]+$", re.MULTILINE)


@pytest.fixture
def notes(tmp_path):
    """The notes that the reader is told to write."""
    for name, text in NOTE.findall(TUTORIAL):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(re.sub("^ {4}", "", text, flags=re.MULTILINE))
    return tmp_path / "notes"


def test_every_command_of_the_tutorial_works_and_its_quoted_answers_come(soma, notes):
    owner = soma.tenant("tutorial")
    quoted = 0
    for typed, shown in COMMAND.findall(TUTORIAL):
        words = [str(notes) if word == "notes/" else word for word in shlex.split(typed)]
        ended = soma.run(*words, token=owner.token)
        assert ended.returncode == 0, (typed, ended.stderr)
        for quote in QUOTED.findall(shown):
            assert any(sentence in ended.stdout for sentence in quote.split(". ")), typed
            quoted += 1
        if typed.startswith("feedback"):
            assert MOVED.findall(shown), "the tutorial shows what the lesson moved"
            assert MOVED.findall(ended.stdout) == MOVED.findall(shown)
    assert quoted >= 3
    assert owner.get("/learning")["weights"] == owner.get("/learning")["prior"]
