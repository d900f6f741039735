"""What others wrote reaches the terminal as text, never as a command to it."""

import ast
import json
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

import soma.cli
from soma.cli.output.terminal import RunningText, Screen, console, escape_json, fail, show_json, visible, write
from soma.cli.server import read_frames

HOSTILE = {
    "a screen that is cleared": "\x1b[2J",
    "a colour": "\x1b[31mRED\x1b[0m",
    "a title": "\x1b]0;owned\x07",
    "the clipboard": "\x1b]52;c;cm0gLXJmIH4=\x1b\\",
    "a link": "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "C1 introducers": "\x9b2J\x9d0;owned\x9c\x90q\x9c",
    "a line written over": "safe\rrm -rf",
    "backspaces": "safe\b\b\b\bevil",
    "other ends of a line": "a\x0bb\x0cc\x1cd\x1de\x1ef\x85g",
    "bell, shift and delete": "\x07\x0e\x0f\x7f\x00",
    "text turned round": "user\u202egnp.exe\u202c \u2066x\u2069",
    "half a character": "\ud83d",
}
FORBIDDEN = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))} - {"\n", "\t"}
FORBIDDEN |= set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ud83d")
UNSEEN = "a\u200bb\u2060c\ufeffd\u00ade\u200ff\U000e0041g"
JOINED = "👩\u200d👩\u200d👧 ❤\ufe0f می\u200cخواهم 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f."
PRINTERS = {"up.py", "configuration.py", "tree.py"}  # print what is ours: an address, generated pages


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_way_of_printing_lets_a_control_character_through(text, capsys):
    table = Table(box=None)
    table.add_column("text")
    table.add_row(text)
    console.print(text)
    console.print(text, markup=False, soft_wrap=True)
    console.print(Text(text))
    console.print(table)
    console.rule(text)
    write(text)
    with pytest.raises(SystemExit):
        fail(text)
    out, err = capsys.readouterr()
    assert not FORBIDDEN & set(out + err)


def test_what_draws_nothing_is_left_out_and_what_joins_signs_is_not(capsys):
    console.print(UNSEEN)
    console.print(Text(UNSEEN))
    assert capsys.readouterr().out == "abcdefg\nabcdefg\n"
    assert visible(JOINED) == JOINED


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_text_that_comes_in_pieces_is_cleaned_as_a_whole(size):
    text, running = JOINED * 3 + UNSEEN + "\x1b[2J", RunningText()
    assert "".join(running.add(text[at : at + size]) for at in range(0, len(text), size)) == visible(text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_json_has_them_escaped_and_says_the_same(text, capsys):
    show_json({"text": text})
    out = capsys.readouterr().out
    assert not (FORBIDDEN | {"\u2028"}) & set(out)
    assert json.loads(out) == {"text": text}


def test_our_own_styles_still_reach_a_terminal():
    screen = Screen(force_terminal=True, color_system="standard", no_color=False)
    with screen.capture() as captured:
        screen.print("[bold]mine[/bold] and \x1b[31mtheirs")
    assert captured.get() == "\x1b[1mmine\x1b[0m and ␛[31mtheirs\n"


def test_text_of_every_language_stays_as_it_is():
    text = "Zoë\tmit 🐈‍⬛, é (e\u0301), שלום, 猫\nline :smile: [bold]"
    assert visible(text) == text
    assert visible("windows\r\nlines\r\n") == "windows\nlines\n"
    with console.capture() as captured:
        console.print(":smile:")
    assert captured.get() == ":smile:\n"


def test_an_export_is_escaped_however_its_bytes_are_cut():
    item = {"text": "".join(HOSTILE.values())[:-1] + "ü\u2028"}
    raw = json.dumps(item, ensure_ascii=False).encode()
    written = b"".join(escape_json(raw[at : at + 1] for at in range(len(raw)))).decode()
    assert json.loads(written) == item
    assert not FORBIDDEN & set(written)
    assert "ü" in written


def test_a_stream_is_cut_at_the_ends_of_lines_only():
    said = "first line\u2028second\u2029third\x85fourth\x0bfifth"
    frame = {"type": "chat.delta", "payload": {"text": said}}
    stream = f"event: chat.delta\r\ndata: {json.dumps(frame, ensure_ascii=False)}\r\n\r\n".encode()
    for size in (1, 7, len(stream)):
        assert list(read_frames(stream[at : at + size] for at in range(0, len(stream), size))) == [frame]
    assert not list(read_frames([b'data: {"type": "chat.de']))


def test_commands_print_in_one_place():
    """A command that printed by itself would print what nobody cleaned."""
    found = set()
    for path in Path(soma.cli.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {
                "print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write", "Console",
            }:  # fmt: skip
                found.add(path.name)
    assert found <= PRINTERS | {"terminal.py"}
