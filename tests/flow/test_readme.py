"""The commands of the README are typed, line by line, as by somebody who has just started."""

import re
import shlex
from pathlib import Path

from tests.flow.product import start
from tests.flow.test_tutorial import NOTE, TUTORIAL

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
SHOWN = re.compile(r"^ {4}\$ soma (.+)\n((?:(?: {4}(?!\$).*)?\n)*)", re.MULTILINE)  # a command, and what it prints
TO_TRY = re.compile(r"^ {4}soma (.+)$", re.MULTILINE)  # a command alone


def test_every_command_of_the_readme_does_what_it_says(tmp_path):
    notes = tmp_path / "notes"
    notes.mkdir()
    for name, text in NOTE.findall(TUTORIAL):
        (tmp_path / name).write_text(re.sub("^ {4}", "", text, flags=re.MULTILINE))
    soma = start(tmp_path / "data")

    def say(command: str) -> str:
        words = shlex.split(command, comments=True)
        ended = soma.run(*(str(notes) if word == "notes/" else word for word in words))
        assert ended.returncode == 0, (command, ended.stderr)
        return ended.stdout

    shown = SHOWN.findall(README)
    assert [command.partition(" ")[0] for command, _ in shown] == ["memory", "chat", "chat"]
    for command, printed in shown:
        said = say(command)
        for line in filter(None, map(str.strip, printed.splitlines())):
            assert line.removesuffix(" ...") in said, command
    to_try = TO_TRY.findall(README)
    assert len(to_try) >= 8
    for command in to_try:
        say(command)
    soma.stop()
