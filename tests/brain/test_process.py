"""The brain apart, as a process: it says where it is, tidies up, ends when told to, and leaves nothing behind."""

import asyncio
import os
import signal
import socket
import subprocess
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import ANY

import pytest
from tests.brain.conftest import ALICE, metrics_of, remembered
from tests.brain.requests import new_feedback, new_query, new_report
from tests.flow.terminal import terminal
from tests.raw_http import answer, line, poured, rest
from tests.servers import free_port

from soma.bench.servers.brain_process import TOKEN, BrainProcess, headers
from soma.brain.__main__ import listen
from soma.brain.client import BrainClient
from soma.brain.context import bundles
from soma.brain.housekeeping import run_housekeeping
from soma.brain.root import open_brain
from soma.memory.embedders.hashing import HashingEmbedder
from soma.memory.errors import VectorsUnavailable


@pytest.mark.e2e
async def test_a_brain_apart_serves_ends_at_a_signal_and_knows_everything_again(tmp_path):
    brain = BrainProcess(tmp_path)
    await asyncio.to_thread(brain.start)
    async with BrainClient.at(brain.url, service_token=TOKEN) as client:
        await client.publish_turn_metrics(ALICE, new_report(**metrics_of()))
        await client.feedback_batch(ALICE, [{"conversation_id": "c", "reward": 0.5}])
        before = await client.state(ALICE)
    process = brain._process
    assert process is not None
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, 20) == 0
    brain.kill()
    await asyncio.to_thread(brain.start)
    async with BrainClient.at(brain.url, service_token=TOKEN) as client:
        assert await client.state(ALICE) == before
    brain.kill()
    assert brain.verify()["faults"] == []


@pytest.mark.e2e
def test_a_mistyped_setting_is_told_with_the_nearest_that_is_one(tmp_path):
    ended = started(tmp_path, SOMABRAIN_EVIDENCE_STPE="3", SOMA_RLM_MAX_ITERATIONS="3", SOMA_REDIS_URL="foo")
    told, _ = ended.stderr.splitlines()
    assert told == "soma brain: unknown setting SOMABRAIN_EVIDENCE_STPE; did you mean SOMABRAIN_EVIDENCE_STEP?"


@pytest.mark.e2e
def test_what_is_no_address_of_a_redis_is_one_line_at_the_start(tmp_path):
    ended = started(tmp_path, SOMA_REDIS_URL="foo")
    assert ended.returncode == 1
    assert ended.stderr.startswith("soma brain: SOMA_REDIS_URL is not the address of a Redis server")
    assert ended.stderr.count("\n") == 1


def started(tmp_path, **settings):
    """`python -m soma.brain` that ends by itself."""
    place = {"SOMA_DATA_DIR": str(tmp_path), "SOMA_BRAIN_PORT": str(free_port()), **settings}
    return terminal().run([], {**os.environ, **place}, module="soma.brain")


@pytest.mark.e2e
def test_a_redis_that_does_not_answer_is_one_line_at_the_start(tmp_path):
    ended = started(tmp_path, SOMA_REDIS_URL="redis://127.0.0.1:1/0")
    assert ended.returncode == 1
    assert ended.stderr.startswith("soma brain: SOMA_REDIS_URL is set and Redis does not answer")
    assert ended.stderr.count("\n") == 1


@pytest.mark.e2e
@pytest.mark.parametrize(
    "name", ["SOMA_KAFKA_BOOTSTRAP", "SOMA_OPA_URL", "SOMA_SPICEDB_ENDPOINT", "SOMA_VAULT_ADDR", "SOMA_VAULT_TOKEN"]
)
def test_a_part_that_is_not_built_is_refused_by_the_name_of_its_setting(tmp_path, name):
    ended = started(tmp_path, **{name: "secret.example:1"})
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert ended.stderr.startswith(f"soma brain: {name} is set, and ")
    assert "not built yet" in ended.stderr
    assert "secret" not in ended.stderr
    up = terminal().run(["up"], {**os.environ, "SOMA_DATA_DIR": str(tmp_path / "up"), name: "secret.example:1"})
    assert (up.returncode, up.stderr) == (1, ended.stderr.replace("soma brain:", "soma:"))
    assert not (tmp_path / "up").exists()


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("SOMABRAIN_LR_BASE", "7", "the setting SOMABRAIN_LR_BASE cannot be '7': must be at most 1.0"),
        ("SOMA_BRAIN_PORT", "0", "the setting SOMABRAIN_PORT cannot be '0': must be at least 1"),
        (
            "SOMABRAIN_DOPAMINE_FACTOR_LOW",
            "5",
            "the setting SOMABRAIN_DOPAMINE_FACTOR_HIGH cannot be '1.2': SOMABRAIN_DOPAMINE_FACTOR_LOW, 5.0, is above",
        ),
        (
            "SOMABRAIN_BELIEVED_KEYS",
            "0011 zz",
            "the setting SOMABRAIN_BELIEVED_KEYS cannot be '0011 zz': a public key has 64 hexadecimal digits, '0011'",
        ),
        ("SOMABRAIN_REDIS_URL", "redis://127.0.0.1:1", "SOMA_REDIS_URL is set and Redis does not answer: "),
        ("SOMABRAIN_DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/x", "the database cannot be reached: "),
    ],
)
def test_a_brain_that_cannot_start_says_why_in_one_line(tmp_path, setting, value, says):
    ended = started(tmp_path, SOMA_SERVICE_TOKEN=TOKEN, **{setting: value})
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"soma brain: {says}")
    assert ended.stderr.count("\n") == 1
    assert "secret" not in ended.stderr


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("SOMABRAIN_TOP_K", "many", "SOMABRAIN_TOP_K cannot be 'many': must be a whole number"),
        ("SOMABRAIN_LR_BASE", "nan", "SOMABRAIN_LR_BASE cannot be 'nan': must be a number"),
        (
            "SOMABRAIN_DATABASE_URL",
            "mysql://u:secret@h/x",
            "SOMABRAIN_DATABASE_URL cannot be 'mysql://...': must begin with ",
        ),
    ],
)
def test_a_wrong_setting_is_told_in_the_words_of_soma_up(tmp_path, setting, value, says):
    ended = started(tmp_path, **{setting: value})
    up = terminal().run(["up"], {**os.environ, "SOMA_DATA_DIR": str(tmp_path / "up"), setting: value})
    assert ended.stderr.startswith(f"soma brain: the setting {says}")
    assert (up.returncode, up.stderr) == (ended.returncode, ended.stderr.replace("soma brain:", "soma:"))


def run(module: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return terminal().run(arguments, {**os.environ, "SOMA_DATA_DIR": str(folder)}, module=module)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [(["--help"], 0, "docs/configuration.md"), (["--prot", "1"], 2, "--prot"), (["serve"], 2, "serve")],
)
def test_arguments_start_no_brain(tmp_path, arguments, code, said):
    done = run("soma.brain", *arguments, folder=tmp_path / "none")
    assert (done.returncode, said in done.stdout + done.stderr) == (code, True)
    assert not (tmp_path / "none").exists()


@pytest.mark.e2e
def test_verify_makes_nothing_where_no_brain_is(tmp_path):
    done = run("soma.brain.verify", folder=tmp_path / "mistyped")
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert "there is no brain in" in line
    assert "mistyped" in line
    assert not (tmp_path / "mistyped").exists()
    (tmp_path / "brain.sqlite3").touch()
    done = run("soma.brain.verify", folder=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert not (tmp_path / "brain-signing-key").exists()


@pytest.mark.e2e
async def test_a_busy_port_is_told_and_the_next_one_taken(tmp_path, capfd):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        brain = BrainProcess(tmp_path, SOMA_BRAIN_PORT=str(port))
        await asyncio.to_thread(brain.start)
        assert brain.url != f"http://127.0.0.1:{port}"
        assert f"port {port} is busy" in capfd.readouterr().err
        brain.kill()


async def test_no_part_of_an_answer_waits_for_the_next_on_any_event_loop():
    delays: asyncio.Queue[int] = asyncio.Queue()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = writer.get_extra_info("socket")
        await delays.put(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listening = listen("127.0.0.1", 19696)
    async with await asyncio.start_server(answer, sock=listening):
        _, writer = await asyncio.open_connection(*listening.getsockname())
        assert await delays.get() == 1
        writer.close()


async def test_pgvector_that_is_configured_and_not_there_is_an_error_at_the_start(settings):
    searching = settings.memory.model_copy(update={"pgvector_from": 0})
    with pytest.raises(VectorsUnavailable, match="SOMABRAIN_PGVECTOR_FROM"):
        async with open_brain(settings.model_copy(update={"memory": searching}), embedder=HashingEmbedder()):
            pass


async def test_bundles_go_when_their_time_is_over(opened, monkeypatch):
    await remembered(opened.client)
    old = await opened.client.evaluate(ALICE, new_query(conversation_id="c1", query="cat"))
    later = datetime.now(UTC) + timedelta(days=31)
    monkeypatch.setattr(bundles, "now", lambda: later.isoformat(timespec="microseconds"))
    async with run_housekeeping(opened.writer, opened.retention, settled_seconds=0.0):
        await asyncio.sleep(0.2)
    assert opened.writer.database.query("SELECT bundle_id FROM bundles") == []
    helpful = [old.memories[0].id]
    answer = await opened.client.feedback(
        ALICE, new_feedback(conversation_id="c1", bundle_id=old.bundle_id, helpful=helpful)
    )
    assert (answer.adaptation_applied, answer.reason) == (False, "unknown_bundle")
    opened.writer.database.close()


@pytest.mark.e2e
def test_who_connects_and_says_nothing_or_says_it_without_end_is_cut_off(tmp_path):
    brain = BrainProcess(tmp_path, SOMA_HEAD_SECONDS="0.3", SOMA_BODY_SECONDS="0.3", SOMA_MAX_CONNECTIONS="4")
    brain.start()
    head = "POST /v1/memory/remember HTTP/1.1\r\nHost: brain\r\n"
    who = "".join(f"{name}: {value}\r\n" for name, value in headers("a").items())
    try:
        with line(brain.url) as silent, line(brain.url, head) as half:
            assert rest(silent) == b""
            assert answer(half)[1]["code"] == "request_timeout"
        with line(brain.url, f"{head}{who}Content-Length: 9\r\n\r\n{{") as half:
            assert answer(half)[1]["code"] == "request_timeout"
        with line(brain.url, f"{head}Transfer-Encoding: chunked\r\n\r\n") as endless:
            assert answer(endless) == (401, ANY)
            assert poured(endless, 64_000_000) < 32_000_000
        with line(brain.url, f"{head}{who}Transfer-Encoding: chunked\r\n\r\n") as endless:
            assert poured(endless, 128_000_000) < 64_000_000
        with ExitStack() as held:
            for _ in range(4):
                held.enter_context(line(brain.url))
            assert answer(held.enter_context(line(brain.url)))[1]["code"] == "too_many_connections"
    finally:
        brain.kill()
