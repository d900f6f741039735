"""Two processes on one PostgreSQL: what one of them changes of members and tokens reaches the other's open doors."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.flow.product import Person, start
from websockets.exceptions import ConnectionClosed

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def workers(postgresql, tmp_path_factory):
    url = postgresql.database()
    more = {"SOMA_DATABASE_URL": url, "SOMA_ACCESS_CHECK_SECONDS": "0.2"}
    first = start(tmp_path_factory.mktemp("first"), **more)
    second = start(tmp_path_factory.mktemp("second"), **more)
    yield first, second
    for product in (first, second):
        product.stop()


@pytest.mark.parametrize("way", ["removed", "revoked"])
def test_who_is_put_out_at_one_worker_is_out_at_the_other(workers, way):
    here, there = workers
    guest = here.member(f"guest-{way}")
    place = guest.converse()
    elsewhere = Person(there.url, guest.token)
    path = f"/chat/conversations/{place}/events"
    with elsewhere.socket() as socket, elsewhere.http.stream("GET", path) as stream, ThreadPoolExecutor(1) as reader:
        socket.send(json.dumps({"type": "ping"}))
        assert json.loads(socket.recv(timeout=10))["type"] == "pong"
        rest = reader.submit(lambda: list(stream.iter_lines()))
        if way == "removed":
            here.owner.http.delete("/members/guest-removed").raise_for_status()
        else:
            [token] = guest.get("/tokens")["tokens"]
            here.owner.http.delete(f"/tokens/{token['id']}").raise_for_status()
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
        assert "token_invalid" in rest.result(timeout=10)[-2]
