"""Who connects and says nothing, or says it without end, holds nobody up and is not waited for."""

import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest
from tests.flow.product import start
from tests.flow.test_cli import change
from tests.raw_http import answer, line, poured, rest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

SETTINGS = {
    "SOMA_HEAD_SECONDS": "0.4",
    "SOMA_BODY_SECONDS": "0.6",
    "SOMA_MAX_CONNECTIONS": "8",
    "SOMA_HOST": "0.0.0.0",  # noqa: S104 - what an operator may ask for
    "SOMA_ALLOWED_HOSTS": "soma.example, other.example",
}
HEAD = "POST /api/v2/chat/conversations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = f"{HEAD}Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    product = start(tmp_path_factory.mktemp("narrow"), script=None, **SETTINGS)
    yield product
    product.stop()


def authorized(product):
    return f"Authorization: Bearer {product.token}\r\n"


def test_a_connection_that_says_nothing_is_closed(narrow):
    with line(narrow.url) as connection:
        assert rest(connection) == b""


@pytest.mark.parametrize("sent", ["G", "GET /healthz HTTP/1.1\r\n", "GET /healthz HTTP/1.1\r\nHost: local", "\r\n"])
def test_half_a_head_is_not_waited_for(narrow, sent):
    with line(narrow.url, sent) as connection:
        if sent == "\r\n":
            assert rest(connection) == b""
        else:
            status, told = answer(connection)
            assert (status, told["code"]) == (408, "request_timeout")
            assert told["message"]
            assert told["request_id"]


def test_a_head_that_drips_in_is_not_waited_for(narrow):
    with line(narrow.url, "GET /healthz HTTP/1.1\r\n") as connection:
        connection.settimeout(0.1)
        heard, drops = b"", 0
        while not heard and drops < 100:
            drops += 1
            connection.sendall(b"A: b\r\n")
            try:
                heard = connection.recv(1_000)
            except TimeoutError:
                continue
        assert heard.startswith(b"HTTP/1.1 408")


def test_a_head_without_end_is_refused(narrow):
    with line(narrow.url, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + "A: bbbbbbbbbbbb\r\n" * 5_000) as connection:
        assert answer(connection)[0] == 431


def test_half_a_body_is_not_waited_for(narrow):
    with line(narrow.url, f'{HEAD}{authorized(narrow)}Content-Length: 100\r\n\r\n{{"title": ') as connection:
        status, told = answer(connection)
        assert (status, told["code"]) == (408, "request_timeout")


def test_who_has_no_token_is_told_before_a_body_is_read(narrow):
    for header in ("Content-Length: 1000000000\r\n", "Transfer-Encoding: chunked\r\n"):
        with line(narrow.url, f"{HEAD}{header}\r\n") as connection:
            head = connection.recv(65_536)
            assert head.startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("path", ["/api/v2/memories", "/brain/v1/memory/remember", "/healthz"])
def test_a_body_that_nobody_wants_is_not_taken_without_end(narrow, path):
    head = CHUNKED.replace("/api/v2/chat/conversations", path)
    with line(narrow.url, f"{head}\r\n") as connection:
        assert poured(connection, 64_000_000) < 32_000_000  # 4 MB, and what the kernels hold


def test_a_body_over_the_limit_is_not_taken_without_end(narrow):
    with line(narrow.url, f"{CHUNKED}{authorized(narrow)}\r\n") as connection:
        assert poured(connection, 128_000_000) < 64_000_000


def test_trailers_without_end_are_not_taken(narrow):
    head = f"{CHUNKED}{authorized(narrow)}\r\n0\r\n"
    with line(narrow.url, head) as connection:
        assert poured(connection, 64_000_000, b"X: yyyyyyyyyyyy\r\n" * 4_000) < 32_000_000


def test_a_refused_body_of_usual_size_leaves_the_connection_open(narrow):
    body = "x" * 1_000_000
    with line(narrow.url, f"{HEAD}Content-Length: {len(body)}\r\n\r\n{body}") as connection:
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401")
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        heard = b""
        while b"up" not in heard:
            heard += connection.recv(65_536)
        assert b"HTTP/1.1 200" in heard


def test_what_is_no_http_is_told_in_the_one_shape(narrow):
    with line(narrow.url, "\x16\x03\x01 hello\r\n\r\n") as connection:
        status, told = answer(connection)
        assert (status, told["code"]) == (400, "invalid_request")


def test_more_connections_than_there_may_be_are_refused_and_the_others_go_on(narrow):
    waiting = "GET /api/v2/me HTTP/1.1\r\nHost: localhost\r\n"
    with line(narrow.url, f"{waiting}{authorized(narrow)}\r\n") as kept:
        assert answer(kept)[0] == 200  # this one stays: it is between two requests
        held = [socket.create_connection(kept.getpeername()) for _ in range(9)]
        try:
            with line(narrow.url) as refused:
                status, told = answer(refused)
                assert (status, told["code"]) == (503, "too_many_connections")
            kept.sendall(f"{waiting}{authorized(narrow)}\r\n".encode())
            assert answer(kept)[0] == 200
        finally:
            for connection in held:
                connection.close()


def test_neither_a_pooled_connection_nor_an_open_stream_is_cut_by_the_limits_of_a_request(narrow):
    """A client's pool keeps a connection for a while: SOMA_KEEP_ALIVE_SECONDS, 80, and not the seconds of a head."""
    ask = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    owner = narrow.owner
    with (
        line(narrow.url) as pooled,
        owner.http.stream("GET", f"/chat/conversations/{owner.converse()}/events") as stream,
    ):
        for pause in (1.0, 0.0):
            pooled.sendall(ask)
            assert answer(pooled)[0] == 200
            time.sleep(pause)
        assert not stream.is_closed


HOSTS = {
    "no host": ("", 400, "invalid_host"),
    "two hosts": ("Host: localhost\r\nHost: localhost\r\n", 400, "invalid_host"),
    "half an address": ("Host: [::1\r\n", 400, "invalid_host"),
    "a blank": ("Host: local host\r\n", 400, "invalid_host"),
    "nothing": ("Host:\r\n", 400, "invalid_host"),
    "user and host": ("Host: me@localhost\r\n", 400, "invalid_host"),
    "a port that is none": ("Host: localhost:http\r\n", 400, "invalid_host"),
    "another's name": ("Host: evil.example\r\n", 400, "host_not_allowed"),
    "another's name with ours in it": ("Host: localhost.evil.example\r\n", 400, "host_not_allowed"),
    "this machine": ("Host: LocalHost:80\r\n", 200, None),
    "this machine by its root": ("Host: localhost.\r\n", 200, None),
    "an address": ("Host: 127.0.0.1\r\n", 200, None),
    "a longer address": ("Host: [::1]:8018\r\n", 200, None),
    "a name of the setting": ("Host: other.example\r\n", 200, None),
}


@pytest.mark.parametrize("case", HOSTS)
@pytest.mark.parametrize("path", ["/healthz", "/api/v2/me", "/brain/healthz"])
def test_a_request_names_this_server_in_its_host(narrow, case, path):
    hosts, status, code = HOSTS[case]
    asked = f"GET {path} HTTP/1.1\r\nConnection: close\r\n{authorized(narrow)}{hosts}\r\n"
    if path == "/brain/healthz":
        asked = asked.replace(narrow.token, (narrow.data_dir / "service-token").read_text())
    with line(narrow.url, asked) as connection:
        got, told = answer(connection)
        assert (got, told.get("code")) == (status, code)
        assert status == 200 or (told["message"] and told["field"] == "Host")


def test_an_address_of_elsewhere_is_no_name_of_a_server_that_only_this_machine_reaches(soma):
    for host in ("203.0.113.5", "evil.example"):
        answered = httpx.get(f"{soma.url}/api/v2/me", headers={"Host": host})
        assert (answered.status_code, answered.json()["code"]) == (400, "host_not_allowed")


def test_a_socket_too_is_asked_for_by_the_name_of_this_server(soma):
    """A page at evil.example that leads to this machine sends both, and they agree."""
    address = urlsplit(soma.url)
    with (
        socket.create_connection((address.hostname, address.port)) as connection,
        connect("ws://evil.example/ws/v2/chat", sock=connection, origin=Origin("http://evil.example")) as client,
        pytest.raises(ConnectionClosed) as closed,
    ):
        client.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    assert "SOMA_ALLOWED_HOSTS" in closed.value.rcvd.reason


def test_a_server_that_others_can_reach_says_so_and_shows_its_figures_to_its_operator_only(narrow):
    said = iter(narrow.process.stdout.readline, "")
    assert any("0.0.0.0 can be reached from other machines" in line for line in said)
    member, service = narrow.member("guest").token, (narrow.data_dir / "service-token").read_text()
    for page, expected in {
        "/metrics": {None: 401, member: 403, narrow.token: 200, service: 200},
        "/brain/metrics": {None: 401, member: 401, narrow.token: 401, service: 200},
        "/brain/readyz": {None: 401, member: 401, narrow.token: 401, service: 200},
        "/healthz": {None: 200},
        "/readyz": {None: 200},
    }.items():
        for token, status in expected.items():
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            assert httpx.get(f"{narrow.url}{page}", headers=headers).status_code == status, page


def test_turns_that_were_set_aside_are_named_to_the_operator_only_where_others_reach_the_server(narrow):
    turn = narrow.owner.ask("what is 6*7?")["turn_id"]
    change(narrow.data_dir, "UPDATE agent_turn SET set_aside = 'it cannot be read' WHERE id = ?", [turn])
    named = [{"turn_id": turn, "why": "it cannot be read"}]
    try:
        for token, which in {
            None: None,
            "wrong": None,
            narrow.member("onlooker").token: None,
            narrow.token: named,
        }.items():
            told = httpx.get(
                f"{narrow.url}/readyz", headers={"Authorization": f"Bearer {token}"} if token else {}
            ).json()
            assert (told["turns_set_aside"], told.get("set_aside")) == (1, which)
        assert f"turn {turn}: it cannot be read" in narrow.run("doctor", COLUMNS="300").stdout
    finally:
        change(narrow.data_dir, "UPDATE agent_turn SET set_aside = NULL WHERE id = ?", [turn])


def test_figures_are_open_where_only_this_machine_reaches_them(soma):
    assert httpx.get(f"{soma.url}/metrics").status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Via"])
def test_who_comes_through_a_proxy_on_this_machine_shows_a_token_for_the_pages_of_the_operator(soma, person, header):
    service = (soma.data_dir / "service-token").read_text()
    for page, expected in {
        "/metrics": {None: 401, person.token: 403, soma.token: 200, service: 200},
        "/readyz": {None: 401, "wrong": 401, person.token: 200, service: 200},
        "/brain/readyz": {None: 401, person.token: 401, service: 200},
        "/healthz": {None: 200},
    }.items():
        for token, status in expected.items():
            headers = {header: "for=203.0.113.5"} | ({"Authorization": f"Bearer {token}"} if token else {})
            assert httpx.get(f"{soma.url}{page}", headers=headers).status_code == status, page


def test_what_lies_in_the_data_folder_is_for_its_user_alone_and_doctor_tells_where_it_is_not(soma):
    address = soma.data_dir / "server.json"
    assert address.stat().st_mode & 0o777 == 0o600
    for path, mode, advice in ((soma.data_dir, 0o755, "chmod 700"), (address, 0o644, "chmod 600")):
        before = path.stat().st_mode
        path.chmod(mode)
        try:
            told = soma.run("doctor")
        finally:
            path.chmod(before)
        assert told.returncode == 1
        assert f"{advice} {path}" in told.stdout
    assert soma.run("doctor").returncode == 0


def test_a_socket_stays_open_for_longer_than_a_head_may_take(narrow):
    headers = {"Authorization": f"Bearer {narrow.token}"}
    with connect(f"{narrow.url.replace('http', 'ws', 1)}/ws/v2/chat", additional_headers=headers) as connection:
        for _ in range(4):
            time.sleep(float(SETTINGS["SOMA_HEAD_SECONDS"]) / 2)
            connection.send('{"type": "ping", "id": "one"}')
            assert "pong" in connection.recv(timeout=5)
        connection.close()
