"""Nothing phones home: no process of ours reaches beyond this machine unless a setting says so (docs/privacy.md)."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from tests.flow.product import START_SECONDS
from tests.flow.terminal import SOMA
from tests.servers import free_port
from tests.tracing import Trace, leaves

import soma

pytestmark = pytest.mark.long

LINES = {
    'connect(3, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("192.0.2.7")}, 16) = 0': True,
    'connect(3, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.53")}, 16) = 0': True,
    'connect(3, {sa_family=AF_INET6, sin6_port=htons(80), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr)}, 28)': True,
    'connect(3, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT': True,
    'sendmmsg(3, [{msg_hdr={msg_name={sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("192.0.2.7")}}]': True,
    'connect(3, {sa_family=AF_INET, sin_port=htons(8018), sin_addr=inet_addr("127.0.0.1")}, 16) = 0': False,
    'connect(3, {sa_family=AF_INET6, sin6_port=htons(80), inet_pton(AF_INET6, "::1", &sin6_addr)}, 28) = 0': False,
    'connect(3, {sa_family=AF_UNIX, sun_path="/run/soma/socket"}, 110) = 0': False,
    "sendto(3, [{nlmsg_len=20, nlmsg_type=RTM_GETADDR}], 20, 0, {sa_family=AF_NETLINK}, 12) = 20": False,
    'sendto(5, "\\0", 1, 0, NULL, 0) = 1': False,
}


@pytest.mark.parametrize(("call", "outside"), LINES.items())
def test_a_call_is_told_from_one_that_stays_on_this_machine(call, outside):
    assert leaves(call) is outside


def test_a_name_looked_up_by_native_code_and_a_file_left_at_home_are_seen(tmp_path):
    trace = Trace(tmp_path)
    trace.run(["/usr/bin/env", "getent", "ahosts", "telemetry.invalid"])
    assert trace.left()
    (tmp_path / "second").mkdir()
    trace = Trace(tmp_path / "second")
    trace.run(["/usr/bin/env", "sh", "-c", "mkdir -p ~/.cache && touch ~/.cache/id"])
    assert trace.left() == [".cache", ".cache/id"]


def test_no_value_from_outside_makes_a_library_speak():
    contrary = dict.fromkeys(soma.QUIET, "0")
    told = subprocess.run(
        [sys.executable, "-c", "import json, os, soma; print(json.dumps(dict(os.environ)))"],
        env={**os.environ, **contrary}, text=True, capture_output=True, check=True,
    )  # fmt: skip
    assert json.loads(told.stdout).items() >= soma.QUIET.items()


def test_a_server_its_workers_and_commands_reach_nothing_outside(tmp_path):
    trace = Trace(tmp_path)
    data_dir = tmp_path / "data"
    settings = {"SOMA_DATA_DIR": str(data_dir), "SOMA_PORT": str(free_port()), "SOMABRAIN_BATCH_WORKERS": "1"}
    server = subprocess.Popen(
        trace.of([SOMA, "up"]), env=trace.environment(**settings), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        url = _address(data_dir / "server.json", server)
        _teach(url, (data_dir / "service-token").read_text())
        for words in (["chat", "what is 6*7?"], ["doctor"]):
            said = trace.run([SOMA, *words], **settings)
            assert said.returncode == 0, said.stdout + said.stderr
    finally:
        pids = _children(server.pid)
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        output, _ = server.communicate(timeout=20)
    assert trace.left() == [], output


if importlib.util.find_spec("litellm"):  # an extra: nothing of it is loaded where it is not installed

    @pytest.mark.parametrize("model", ["openai/gpt-4o", "groq/llama-3.3-70b", "anthropic/claude-sonnet-4-5"])
    def test_litellm_asks_for_no_price_list_and_no_tokenizer(tmp_path, model):
        trace = Trace(tmp_path)
        said = trace.run([sys.executable, "-c", ASK, model])
        assert "stream" in said.stderr or said.returncode == 0, said.stderr
        assert trace.left() == []


ASK = """
import asyncio, sys
from soma.agent.llm.providers.litellm import load

async def main():
    answer = await load().acompletion(
        model=sys.argv[1], messages=[{"role": "user", "content": "hi"}], api_base="http://127.0.0.1:9", api_key="x",
        stream=True, num_retries=0, timeout=5, mock_response="An answer in a few words.",
    )
    async for _ in answer:
        pass

asyncio.run(main())
"""


def _address(file: Path, server: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + START_SECONDS
    while not file.exists():
        assert server.poll() is None, server.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return str(json.loads(file.read_text())["url"])


def _teach(url: str, token: str) -> None:
    """One feedback in a batch, which a worker of its own learns from."""
    who = {"X-Soma-Tenant": "t", "X-Soma-User": "u", "X-Soma-Agent": "a", "Authorization": f"Bearer {token}"}
    body = {"items": [{"conversation_id": "c", "reward": 0.5}]}
    answer = httpx.post(f"{url}/brain/context/feedback/batch", json=body, headers=who, timeout=30)
    assert answer.json()["accepted"] == 1, answer.text


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
