"""The command line as it is typed: what it says, where it says it, and how it ends."""

import json
import re
import signal
import socket
import sqlite3
import subprocess
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from tests.flow.product import Person, environment, launch, start
from tests.flow.terminal import SOMA, terminal
from websockets.exceptions import ConnectionClosed

from soma.cli.main import main
from soma.cli.output.formatting import SMALLEST

COMMANDS = (
    (), ("up",), ("chat",), ("trace",), ("feedback",), ("weights",), ("doctor",),
    ("memory",), ("memory", "import"), ("memory", "recall"), ("memory", "list"), ("memory", "forget"),
    ("memory", "documents"), ("memory", "export"),
    ("memory", "link"), ("memory", "status"), ("memory", "verify"), ("memory", "consolidations"), ("memory", "undo"),
    ("members",), ("members", "list"), ("members", "add"), ("members", "add-tenant"),
)  # fmt: skip


@pytest.fixture
def typed(soma, person):
    """Runs a command as `person`."""
    return lambda *words, **more: soma.run(*words, token=person.token, **more)


@pytest.fixture
def alone(tmp_path):
    """Runs a command where no server has ever run."""

    def run(*words, **more):
        return terminal().run(words, environment(tmp_path / "empty", **more))

    return run


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(words):
    helped = CliRunner().invoke(main, [*words, "--help"], prog_name="soma", terminal_width=80)
    assert helped.exit_code == 0, helped.output
    assert helped.output.startswith(f"Usage: soma {' '.join(words)}".strip())
    assert all(len(line) <= 80 for line in helped.output.splitlines())
    for line in helped.output.splitlines():
        assert not line.strip().endswith("--json"), "an option without a word about it"


@pytest.mark.parametrize(
    "words",
    [
        ("chat", "hello"),
        ("memory", "list"),
        ("members", "list"),
        ("feedback", "--up"),
    ],
    ids=" ".join,
)
def test_without_a_server_a_command_says_how_to_start_one(alone, words):
    ended = alone(*words)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("soma: no Soma is running with the data folder")
    assert "soma up" in ended.stderr


@pytest.mark.parametrize(
    ("words", "setting", "says"),
    [
        (
            ("chat", "hi"),
            {"SOMA_URL": "http://127.0.0.1:1", "SOMA_TOKEN": "x"},
            "no Soma answers at http://127.0.0.1:1",
        ),
        (
            ("chat", "hi"),
            {"SOMA_URL": "nonsense", "SOMA_TOKEN": "x"},
            "the setting SOMA_URL cannot be 'nonsense': must begin",
        ),
        (("chat", "hi"), {"SOMA_PORT": "many"}, "the setting SOMA_PORT cannot be 'many'"),
        (("up",), {"SA01_RLM_MAX_ITERATIONS": "0"}, "the setting SA01_RLM_MAX_ITERATIONS cannot be '0'"),
        (
            ("up",),
            {"SA01_RLM_MIN_ITERATIONS": "5", "SA01_RLM_MAX_ITERATIONS": "3"},
            "the setting SA01_RLM_MIN_ITERATIONS cannot be '5': must be at most RLM_MAX_ITERATIONS, 3",
        ),
        (
            ("up",),
            {"SOMA_MAX_OUTPUT_TOKENS": "9000"},
            "the setting SOMA_MAX_OUTPUT_TOKENS cannot be '9000': must be less",
        ),
        (("up",), {"SOMABRAIN_URL": "nonsense"}, "the setting SOMABRAIN_URL cannot be 'nonsense': must begin"),
        (
            ("up",),
            {"SOMA_DATABASE_URL": "foo://u:p@x"},
            "the setting SOMA_DATABASE_URL cannot be 'foo://...': must begin with",
        ),
        (("up",), {"SOMA_DOCUMENT_ROOT": "/dev/null/x"}, "the setting SOMA_DOCUMENT_ROOT cannot be"),
        (("up",), {"SOMABRAIN_LR_BASE": "7"}, "the setting SOMABRAIN_LR_BASE cannot be '7': must be at most 1"),
        (("up",), {"SOMABRAIN_LR_BASE": "nan"}, "the setting SOMABRAIN_LR_BASE cannot be 'nan': must be a number"),
        (("up",), {"SOMABRAIN_TAU_LOW": "2"}, "the setting SOMABRAIN_TAU_LOW cannot be '2'"),
        (("up",), {"SOMABRAIN_DATABASE_URL": "foo://x"}, "the setting SOMABRAIN_DATABASE_URL cannot be"),
        (("chat", "hi"), {"SOMA_TOKEN": "ünï"}, "the setting SOMA_TOKEN cannot be '***': must be ASCII"),
        (("up",), {"SOMA_DATA_DIR": "/dev/null/x"}, "the data folder /dev/null/x cannot be made or used: not"),
        (("up",), {"SOMA_DATA_DIR": "/proc/x"}, "the data folder /proc/x cannot be made or used: no such file"),
        (("up",), {"SOMA_HOST": "192.0.2.1"}, "cannot listen on 192.0.2.1"),
        (("up",), {"SOMA_DEFAULT_MODEL": "ollama/x"}, "SOMA_DEFAULT_MODEL: unknown model 'ollama/x': set SOMA_OP"),
        (("up",), {"SOMA_DEFAULT_MODEL": "groq/x"}, "SOMA_DEFAULT_MODEL: groq/x needs the key GROQ_API_KEY"),
        (("up",), {"OPENAI_API_KEY": "ünï"}, "the setting OPENAI_API_KEY cannot be '***': must be printable ASCII"),
    ],
)
def test_a_setting_that_cannot_be_is_named(alone, words, setting, says):
    ended = alone(*words, **setting)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"soma: {says}")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("chat", ""), "the message is empty"),
        (("chat", " "), "the message is empty"),
        (("chat",), "the message is empty"),
        (
            ("chat", "-c", "nowhere", "hi"),
            "you have no conversation 'nowhere' (conversation_id) [unknown_conversation]",
        ),
        (("chat", "--agent", "nobody", "hi"), "unknown agent 'nobody' (agent) [unknown_agent]"),
        (("chat", "-c", "x", "--continue", "hi"), "--conversation and --continue exclude each other"),
        (("trace",), "you have no turns yet [no_turns]"),
        (("trace", "x"), "no turn 'x' that you may see (turn_id) [unknown_turn]"),
        (("trace", "x", "--last"), "TURN_ID and --last exclude each other"),
        (("feedback",), "say how the answer was with --up, --down, --rating, --helpful, --unhelpful or --correct"),
        (("feedback", "--up", "--rating", "3"), "--up, --down and --rating exclude each other"),
        (("feedback", "--up", "--down"), "--up, --down and --rating exclude each other"),
        (("feedback", "--helpful", "1", "--unhelpful", "1"), "memory 1 cannot be both helpful and unhelpful"),
        (("feedback", "--withdraw", "--up"), "--withdraw excludes every other feedback"),
        (("feedback", "--withdraw"), "you have no turns yet [no_turns]"),
        (("feedback", "x", "--withdraw"), "no turn 'x' that you may see (turn_id) [unknown_turn]"),
        (("feedback", "x", "--up"), "no turn 'x' that you may see (turn_id) [unknown_turn]"),
        (("memory", "recall", ""), "must be text of at least 1 character (query) [invalid_body]"),
        (("memory", "list", "--limit", "5000"), "must be at most 200, not '5000' (limit) [invalid]"),
        (("memory", "forget", "x"), "there is no memory 'x' here (keys[0]) [unknown_key]"),
        (("memory", "import", "--format", "jsonl", __file__), "must be an object, not text (line 1) [bad_line]"),
        (("memory", "import", "--format", "locomo", __file__), f"{__file__} is not in the format locomo"),
        (("members", "add", "friend"), "this needs the role owner; yours is member [role_required]"),
        (("members", "add-tenant", "x", "--owner", "y"), "only the operator of this server may add tenants"),
        (("weights", "--preview", ""), "the question is empty"),
        (("weights", "--preview", " "), "the question is empty"),
        (("weights", "--why", ""), "there is no weight ''"),
        (("weights", "--agent", "nobody"), "unknown agent 'nobody' (agent) [unknown_agent]"),
    ],
)
def test_what_cannot_be_done_ends_with_one_line_that_says_why(typed, words, says):
    ended = typed(*words)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"soma: {says}")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [("shout",), ("chat", "--loud"), ("feedback", "--rating", "6"), ("memory", "import")])
def test_a_wrong_command_line_is_told_by_its_own_exit_code(words):
    ended = CliRunner().invoke(main, words, prog_name="soma")
    assert ended.exit_code == 2
    assert "Usage: soma" in ended.stderr


def test_every_read_is_there_as_json(typed, person):
    assert json.loads(typed("chat", "what is 6*7?", "--json").stdout)["content"] == "6*7 = 42."
    person.remember("The harbour opens at seven.", key="harbour")
    read = {
        ("trace", "--last"): lambda trace: trace["answer"] == "6*7 = 42.",
        ("memory", "recall", "harbour"): lambda hits: hits[0]["key"] == "harbour",
        ("memory", "list", "--search", "harbour"): lambda page: page["memories"][0]["key"] == "harbour",
        ("members", "list"): lambda members: {"owner", "member"} <= {member["role"] for member in members},
        ("weights",): lambda state: state["weights"].keys() == state["prior"].keys() | {"alpha", "nu"},
        ("feedback", "--up"): lambda answer: answer["accepted"],
        ("memory", "forget", "harbour"): lambda receipt: len(receipt["forgotten"]) == 1,
        ("doctor",): lambda checks: all(check["ok"] for check in checks),
    }
    for words, holds in read.items():
        ended = typed(*words, "--json")
        assert ended.returncode == 0, ended.stderr
        assert holds(json.loads(ended.stdout)), words


def test_a_conversation_goes_on(typed, person):
    typed("chat", "what is 6*7?")
    typed("chat", "--continue", "what is 6*8?")
    [conversation] = person.get("/chat/conversations")["conversations"]
    assert "6*9 = 54" in typed("chat", "-c", conversation["id"], "what is 6*9?").stdout
    assert len(person.get(f"/chat/conversations/{conversation['id']}/messages")["messages"]) == 6


def test_a_question_whether_to_forget_says_how_to_answer_it(typed):
    typed("chat", "Remember that the safe code is 4471.")
    assert typed("chat", "forget the safe code").stdout.endswith("answer it with: soma chat --continue yes\n")
    done = typed("chat", "--continue", "yes").stdout
    assert "Forgotten: 1 memory." in done
    assert "answer it with" not in done


def test_a_question_comes_through_a_pipe(soma, person):
    piped = subprocess.run(
        [SOMA, "chat"],
        input="what is\n6*7?\n",
        env=environment(soma.data_dir, SOMA_TOKEN=person.token),
        text=True,
        capture_output=True,
        timeout=30,
        check=True,
    )
    assert piped.stdout == "calculator: 42\n6*7 = 42.\n"


@pytest.mark.parametrize(
    ("words", "piped"),
    [
        (("chat",), b"a\xff\xfeb"),
        (("chat", b"a\xffb"), b""),
        (("chat", "-c", b"\xff", "hello"), b""),
        (("memory", "recall", b"a\xffb"), b""),
    ],
)
def test_what_is_not_text_is_told_in_one_line(soma, words, piped):
    ended = subprocess.run(
        [SOMA, *words], input=piped, env=environment(soma.data_dir), capture_output=True, timeout=30, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert ended.stderr == b"soma: the input is not UTF-8 text\n"


def test_a_revised_answer_is_shown_once_and_last(typed, person):
    person.remember("I paint to relax.", "Pottery relaxes me too.", "My garden relaxes my mother.", "We hike a lot.")
    said = typed("chat", "What do I do to relax?").stdout
    answer = person.get("/trace/last")["answer"]
    assert said.count(answer) == 1


def test_the_trace_is_readable_at_80_columns(typed, person):
    person.remember(
        "The harbour opens at seven, an hour after the tide has turned and the fog has gone, which takes time here, "
        "and it closes again when the last of the boats has come home or is given up for the night by its owner.",
        "Ferries leave the harbour for the islands.",
        "In winter the harbour freezes over.",
        "Anna painted the harbour at night.",
        "The old harbour master is called Olaf.",
        "Fish is sold at the harbour on Fridays.",
    )
    typed("chat", "When does the harbour open?")
    shown = typed("trace").stdout
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert re.search(r"\d memor(y|ies) recalled", shown)
    for words in ("semantic 1.00", "convergence", "weight ", "receipt", "chain head"):
        assert words in shown
    assert "dopamine" in shown or "neuromodulators unmoved" in shown  # whether it moves depends on turns before
    assert "graph" not in shown, "a view that moved nothing takes no room"
    everything = typed("trace", "--all").stdout
    assert len(everything) > len(shown)


def test_the_trace_shows_what_was_recalled_decided_run_judged_and_learned_in_that_order(typed, person):
    person.remember("The harbour opens at seven.")
    typed("chat", "what is 23*19 + 7 at low tide?")
    shown = typed("trace", COLUMNS="120").stdout
    expected = [
        r"iteration 0 ─+\n1 memory recalled in \d+ ms, \d+ tokens\n",
        r" 1 +\d\.\d\d +\d\.\d{3} +The harbour opens at seven\. +.*semantic \d\.\d\d",
        r"offline-extractive \(\d+ ms, \d+ tokens in, \d+ out, tool_calls\): \(no text: it asked for tools\)\n",
        r"calculator\(\{'expression': '23\*19 \+ 7'\}\) allowed by \w+\n  ok in \d+\.\d ms: 444\n",
        r"convergence not assessed \(confidence \d\.\d\d x success 1\.00 x tool utility 1\.00\)\nends the turn: no\n",
        r"learning success, version \d+",
        r"iteration 1 ─+\n1 memory recalled",
        r"out, stop\): 23\*19 \+ 7 = 444\.\n",
        r"convergence 0\.\d\d \(confidence 0\.\d\d x success 1\.00 x tool utility 1\.00\)\nends the turn: converged\n",
        r"learning success, version \d+",
        r"receipt ─+\nexit converged, 2 iterations, \d+ tokens \(.+\), \d+ ms, level L0\nchain head [0-9a-f]{64}",
    ]
    place = 0
    for pattern in expected:
        found = re.compile(pattern).search(shown, place)
        assert found, f"no {pattern} in {shown[place:]}"
        place = found.end()
    for iteration in person.get("/trace/last")["iterations"]:
        for kind in ("weights", "neuromodulators"):
            before, after = (iteration["learned"][f"{kind}_{when}"] for when in ("before", "after"))
            for name in (name for name in after if abs(after[name] - before[name]) >= SMALLEST):
                change = re.escape(f"{after[name] - before[name]:+.4f}")
                assert re.search(rf"\n {name} +{before[name]:.4f} +{after[name]:.4f} +{change} ", shown)


def test_a_namespace_is_read_by_itself(typed, person):
    name = f"work-{person.get('/me')['username']}"
    reads = (("list",), ("recall", "When is the review?"), ("status",), ("consolidations",))
    for read in reads:
        ended = typed("memory", *read, "--namespace", name)
        assert (ended.returncode, ended.stderr.rpartition(" [")[2]) == (1, "foreign_namespace]\n")
    item = {"text": "The review is on Friday.", "key": "review"}
    person.post("/memories", {"items": [item], "namespace": name})
    [listed] = json.loads(typed("memory", "list", "--namespace", name, "--json").stdout)["memories"]
    [recalled] = json.loads(typed("memory", *reads[1], "--namespace", name, "--json").stdout)
    assert listed["key"] == recalled["key"] == "review"
    assert json.loads(typed("memory", "status", "--namespace", name, "--json").stdout)["memories"] == 1
    assert [one["key"] for one in person.get("/memories", namespace=name)["memories"]] == ["review"]
    assert person.get("/memories")["memories"] == []
    assert "no memories" in typed("memory", "list").stdout


def test_weights_come_in_one_order(typed):
    names = [line.split()[0] for line in typed("weights").stdout.splitlines()[1:] if line.startswith(" ")]
    assert names[:7] == ["alpha", "beta", "gamma", "tau", "lambda", "mu", "nu"]
    assert names[7:] == sorted(names[7:])


def test_text_and_jsonl_are_imported_once(typed, tmp_path):
    text, lines = tmp_path / "notes.txt", tmp_path / "notes.jsonl"
    text.write_text("The harbour opens\nat seven.\n\nThe café closes at nine. ☕\n")
    lines.write_text('{"text": "The ferry leaves at ten.", "key": "ferry"}\n\n{"text": "It rains."}\n')
    import_text = ("memory", "import", "--format", "text", str(text))
    assert typed(*import_text).stdout == "created           1\nchunks: 1 created, 0 updated, 0 unchanged, 0 forgotten\n"
    assert typed("memory", "import", "--format", "jsonl", str(lines)).stdout == "2 created, 0 updated, 0 unchanged\n"
    assert typed(*import_text).stdout == "unchanged         1\nchunks: 0 created, 0 updated, 1 unchanged, 0 forgotten\n"
    lines.write_bytes('{"text": "Der Käse ist gut."}\n'.encode("cp1252"))
    guessed = typed("memory", "import", "--format", "jsonl", str(lines))
    assert guessed.stdout.startswith("1 created")
    assert guessed.stderr == f"Windows-1252 {lines} (a guess)\n"
    assert "The harbour opens at seven." in typed("memory", "list").stdout
    assert "ferry" in typed("memory", "recall", "When does the ferry leave?").stdout


def test_what_is_exported_is_imported_with_its_links_and_scopes(typed, soma, tmp_path):
    lines, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    first = {"text": "It rains.\u2028It pours.", "key": "rain", "links": [{"to_key": "wind", "relation": "before"}]}
    kept: list[dict[str, Any]] = [first, *({"text": f"note {number}", "key": f"n{number}"} for number in range(30))]
    kept.append({"text": "Wind comes.", "key": "wind"})
    lines.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in kept))
    imported = typed("memory", "import", "--format", "jsonl", str(lines))
    assert imported.stdout == "32 created, 0 updated, 0 unchanged\n", imported.stderr
    link = ("memory", "link", "wind", "n0", "--relation", "about", "--weight", "0.5")
    assert [typed(*link).stdout, typed(*link).stdout] == ["linked\n", "already linked\n"]
    assert typed("memory", "export", str(out)).returncode == 0
    assert out.stat().st_mode & 0o777 == 0o600
    assert typed("memory", "export").stdout == out.read_text()
    nowhere = typed("memory", "export", str(tmp_path / "no" / "where.jsonl"))
    assert nowhere.stderr == f"soma: {tmp_path}/no/where.jsonl cannot be written: No such file or directory\n"
    items = {item["key"]: item for item in map(json.loads, out.read_text().strip().split("\n"))}
    assert items.keys() == {item["key"] for item in kept}
    assert items["wind"]["links"] == [{"to_key": "n0", "relation": "about", "weight": 0.5}]
    twin = soma.member("twin")
    taken = soma.run("memory", "import", "--format", "jsonl", str(out), "--scope", "tenant", token=twin.token)
    assert taken.stdout == imported.stdout
    assert {one["scope"] for one in twin.get("/memories")["memories"]} == {"user"}


def test_a_key_and_a_name_stand_on_one_line_however_long(typed, person):
    key, name = "key-" + "k" * 200, "folder/" + "n" * 200 + ".md"
    person.post("/memories", {"items": [{"text": "The harbour opens at seven.", "key": key}]})
    person.post("/memories/documents", {"name": name, "text": "The ferry leaves at ten."})
    assert key in typed("memory", "list").stdout
    assert name in typed("memory", "documents").stdout
    assert typed("memory", "forget", "--document", name).returncode == 0


def test_what_others_wrote_reaches_the_terminal_as_text(typed, person):
    said = "The pelican motto is: \x1b[31mfirst\x07 line\u2028second line."
    item = {"text": said, "metadata": {"speaker": "\x1b[2J", "source": "\x9b2J"}}
    person.post("/memories", {"items": [item]})
    commands = [
        ("chat", "What is the pelican motto?"),
        ("trace",),
        ("memory", "list"),
        ("memory", "recall", "pelican motto"),
    ]
    for words in commands:
        ended = typed(*words)
        assert (ended.returncode, ended.stderr) == (0, ""), words
        assert "␛[31mfirst␇ line" in ended.stdout.replace("\n", " "), words
        assert not set("\x1b\x07\x9b") & set(ended.stdout), words
    assert json.loads(typed("memory", "list", "--json").stdout)["memories"][0]["text"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("{", "(line 25) [bad_line]"),
        ('{"text": "x", "importance": NaN}', "(line 25) [bad_line]"),
        ('{"text": " "}', "(line 25.text) [empty_text]"),
        ('{"text": 5}', "(line 25.text) [bad_line]"),
        ('{"text": "x", "colour": "red"}', "(line 25.colour) [bad_line]"),
        (
            '{"text": "x", "links": [{"to_key": "no", "relation": "r"}]}',
            "(line 25.links[0].to_key) [unknown_link_target]",
        ),
    ],
)
def test_a_bad_line_is_named_and_none_is_remembered(typed, person, tmp_path, wrong, says):
    lines = tmp_path / "in.jsonl"
    lines.write_text("".join(f'{{"text": "note {number}"}}\n' for number in range(24)) + wrong)
    ended = typed("memory", "import", "--format", "jsonl", str(lines))
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert ended.stderr.endswith(f"{says}\n")
    assert person.get("/memories")["memories"] == []


def test_members_hand_out_tokens_that_work(soma):
    added = soma.run("members", "add", "newcomer")
    assert soma.run("members", "list", token=added.stdout.strip()).returncode == 0
    made = json.loads(soma.run("members", "add-tenant", "guests", "--owner", "host", "--json").stdout)
    listed = json.loads(soma.run("members", "list", "--json", token=made["token"]).stdout)
    assert [(member["username"], member["role"]) for member in listed] == [("host", "owner")]


def test_what_only_the_user_may_read_has_mode_0600(soma):
    for name in ("token", "secret-key", "service-token"):
        assert (soma.data_dir / name).stat().st_mode & 0o777 == 0o600, name
    assert soma.data_dir.stat().st_mode & 0o077 == 0


def test_start_and_doctor_say_which_model_answers_why_and_what_stays_unused(tmp_path):
    unused = "ANTHROPIC_API_KEY is set but not used: .venv/bin/uv pip install -e '.[litellm]'"
    product = start(
        tmp_path,
        SOMA_DEFAULT_MODEL="openai/mine",
        SOMA_OPENAI_BASE_URL="http://127.0.0.1:1/v1",
        SOMA_MODEL_RETRIES="0",
        ANTHROPIC_API_KEY="k",
    )
    try:
        [*_, check] = json.loads(product.run("doctor", "--json").stdout)
        [*_, member] = json.loads(product.run("doctor", "--json", token=product.member("ann").token).stdout)
        said = product.run("chat", "hello").stderr
        answer = product.tenant("other").get("/model")
    finally:
        greeting = product.stop()
    assert "The model that answers is openai/mine: set by SOMA_DEFAULT_MODEL." in greeting
    assert unused in greeting
    assert check["check"] == "answers"
    assert check["ok"]
    assert check["message"].startswith(f"openai/mine: set by SOMA_DEFAULT_MODEL; {unused}")
    assert member["message"] == "openai/mine: set by SOMA_DEFAULT_MODEL"
    assert answer == {"name": "openai/mine", "reason": "set by SOMA_DEFAULT_MODEL", "unused": [], "capsules": []}
    assert "asked at http://127.0.0.1:1/v1, set by SOMA_OPENAI_BASE_URL or OPENAI_BASE_URL" in " ".join(said.split())


def test_doctor_says_what_to_mend(soma, alone):
    unwell = alone("doctor")
    assert unwell.returncode == 1
    assert "run `soma up`" in unwell.stdout
    assert "would answer with offline: no model is set and no key" in unwell.stdout
    token = soma.data_dir / "token"
    token.chmod(0o644)
    try:
        assert f"chmod 600 {token}" in soma.run("doctor", COLUMNS="200").stdout
    finally:
        token.chmod(0o600)
    assert "does not take your token" in soma.run("doctor", token="wrong").stdout
    well = soma.run("doctor")
    assert well.returncode == 0
    assert "you are owner, owner of tenant default" in well.stdout


def test_doctor_and_readiness_name_turns_that_were_set_aside(soma):
    turn = soma.owner.ask("what is 6*7?")["turn_id"]
    why = "event 3 (chat.model_responded) cannot be read: Expected `str`, got `int` - at `$.finish_reason`"
    change(soma.data_dir, "UPDATE agent_turn SET set_aside = ? WHERE id = ?", [why, turn])
    try:
        doctor, ready = soma.run("doctor", COLUMNS="600"), httpx.get(f"{soma.url}/readyz")
    finally:
        change(soma.data_dir, "UPDATE agent_turn SET set_aside = NULL WHERE id = ?", [turn])
    assert f"turn {turn}: {why}" in doctor.stdout
    assert "Ask again" in doctor.stdout
    assert (ready.status_code, ready.json()["turns_set_aside"]) == (200, 1)
    assert ready.json()["set_aside"] == [{"turn_id": turn, "why": why}]
    assert "every turn can be read" in soma.run("doctor").stdout


@pytest.fixture
def elsewhere():
    """The address of a web server that is no Soma: it answers each path with a page."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<!DOCTYPE HTML><title>Hello</title>")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("words", [("doctor",), ("chat", "hi"), ("memory", "list")], ids=" ".join)
def test_what_answers_and_is_no_soma_is_told_in_a_line(alone, elsewhere, words):
    ended = alone(*words, SOMA_URL=elsewhere, SOMA_TOKEN="x")
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1
    assert f"what answers at {elsewhere} (status " in said
    assert "is not a Soma server: check SOMA_URL" in said
    assert "DOCTYPE" not in said
    assert "Traceback" not in said


def test_doctor_prints_a_folder_as_it_is_called(tmp_path):
    """Not as markup: the folder to be mended would be another."""
    folder = tmp_path / "dd[red]" / "[" / "x]"
    folder.mkdir(mode=0o755, parents=True)
    ended = terminal().run(["doctor"], environment(folder))
    assert str(folder) in ended.stdout
    assert "Traceback" not in ended.stderr


def test_doctor_names_settings_that_are_none(soma):
    doctor = soma.run("doctor", COLUMNS="300", SOMA_PROT="1")
    assert doctor.returncode == 0
    assert "unknown setting SOMA_PROT; did you mean SOMA_PORT?" in doctor.stdout
    assert "every setting in this terminal's environment is known" in soma.run("doctor", COLUMNS="300").stdout


def change(folder, sql, parameters):
    with closing(sqlite3.connect(folder / "agent.sqlite3")) as database, database:
        database.execute(sql, parameters)


def test_a_data_folder_that_others_may_enter_holds_nothing_that_they_may_read(tmp_path):
    tmp_path.chmod(0o755)
    product = start(tmp_path)
    try:
        product.owner.ask("what is 6*7?")
        files = {file.name: file.stat().st_mode & 0o077 for file in tmp_path.glob("*.sqlite3*")}
        (tmp_path / "brain.sqlite3").chmod(0o644)  # as an earlier version made it
        told = f"others can read {tmp_path / 'brain.sqlite3'}: chmod 600 {tmp_path}/*.sqlite3*"
        assert told in product.run("doctor", COLUMNS="300").stdout
    finally:
        product.stop()
    assert files.keys() >= {f"{name}.sqlite3{end}" for name in ("agent", "brain") for end in ("", "-wal", "-shm")}
    assert set(files.values()) == {0}


def test_a_token_file_without_a_token_is_told_and_the_next_start_writes_a_new_one(tmp_path):
    first = start(tmp_path)
    conversation = first.owner.converse()
    told = f"there is no token in {tmp_path / 'token'}: stop the server and start it again, which writes a new one"
    try:
        for spoilt in (b"", b" \n", b"\xff\xfe"):
            (tmp_path / "token").write_bytes(spoilt)
            assert told in first.run("doctor", COLUMNS="300").stdout
            assert first.run("chat", "hello").stderr == f"soma: {told}, or set SOMA_TOKEN\n"
    finally:
        first.stop()
    second = start(tmp_path)
    try:
        assert second.run("doctor").returncode == 0
        assert second.owner.get("/chat/conversations")["conversations"][0]["id"] == conversation
        assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    finally:
        second.stop()


def test_a_second_server_on_the_same_folder_is_refused(soma):
    second = launch(soma.data_dir)
    said, _ = second.process.communicate(timeout=30)
    assert second.process.returncode == 1
    assert said.startswith(f"soma: Soma is already running in {soma.data_dir} at {soma.url}:")


def test_a_busy_port_gives_way_to_the_next_and_a_stopped_server_lets_its_clients_go(tmp_path):
    with closing(socket.socket()) as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        process = subprocess.Popen(
            [SOMA, "up", "--port", str(port)],
            env=environment(tmp_path),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        greeting = process.stdout.readline()
    assert greeting.startswith("Soma answers at http://127.0.0.1:")
    url = greeting.split()[3]
    answers_at = int(url.rpartition(":")[2])
    assert port < answers_at <= port + 9
    assert f"SOMA_DATA_DIR={tmp_path} {SOMA} chat" in process.stdout.readline()
    person = Person(url, (tmp_path / "token").read_text())
    conversation = person.converse()
    person.ask("what is 6*7?", conversation)
    with person.socket() as follower, person.events(f"/chat/conversations/{conversation}/events") as frames:
        assert next(frames)["type"] == "chat.turn_started"
        process.send_signal(signal.SIGINT)
        assert [frame["type"] for frame in frames][-1] == "chat.turn_complete", "the stream ends, and ends well"
        with pytest.raises(ConnectionClosed):
            follower.recv(timeout=10)
    _, complained = process.communicate(timeout=20)
    others = range(port, answers_at)  # another program may hold the one after it
    assert complained == "".join(f"soma: port {other} is busy, trying {other + 1}\n" for other in others)
    assert process.returncode == 0
    assert not (tmp_path / "server.json").exists()


def test_a_question_that_comes_while_the_server_starts_waits_for_it(tmp_path):
    server = launch(tmp_path)
    deadline = time.monotonic() + 30
    while not (tmp_path / "starting").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    asked = server.run("chat", "what is 6*7?")
    server.stop()
    assert (asked.returncode, asked.stderr) == (0, "soma: the server is still starting; waiting for it\n")
    assert "6*7 = 42" in asked.stdout
    assert "start it with `soma up`" in server.run("chat", "what is 6*7?").stderr


def test_a_folder_of_markdown_is_imported_cited_and_imported_again(typed, tmp_path):
    (tmp_path / "trips").mkdir()
    lisbon = tmp_path / "trips" / "lisbon.md"
    lisbon.write_text("# Lisbon\n\n## Trams\n\nTram 28 climbs to the Alfama.\n\n## Food\n\nPastel de nata in Belem.\n")
    (tmp_path / "work.md").write_text("# Work\n\nThe review is on Friday.\n")
    (tmp_path / "empty.md").write_text("")
    import_folder = ("memory", "import", "--format", "markdown", str(tmp_path), "--json")
    assert json.loads(typed(*import_folder).stdout)["chunks"] == {
        "created": 3,
        "updated": 0,
        "unchanged": 0,
        "forgotten": 0,
        "left_out": 0,
    }
    [hit, *_] = json.loads(typed("memory", "recall", "which tram climbs to the Alfama?", "--json").stdout)
    assert hit["metadata"]["source"] == 'trips/lisbon.md, "Lisbon > Trams", line 5'
    lisbon.write_text("# Lisbon\n\n## Trams\n\nTram 12 climbs to the Alfama.\n")
    assert json.loads(typed(*import_folder).stdout)["chunks"] == {
        "created": 0,
        "updated": 1,
        "unchanged": 1,
        "forgotten": 1,
        "left_out": 0,
    }
    assert "no memories" in typed("memory", "list", "--search", "nata").stdout


def test_memory_says_how_it_is_and_that_it_is_well(soma, typed):
    status = json.loads(typed("memory", "status", "--json").stdout)
    assert status["embedding"]["done"]
    assert status["embedding"]["model"] in typed("memory", "status").stdout
    verified = soma.run("memory", "verify", "--json")
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["clean"]
    assert "no problems" in soma.run("memory", "verify").stdout
    assert "role" in typed("memory", "verify").stderr  # it is for owners
    assert "no consolidations yet" in typed("memory", "consolidations").stdout
