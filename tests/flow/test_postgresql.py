"""The whole product on PostgreSQL: both databases of it, by URLs as people write them."""

from collections.abc import Iterator

import httpx
import pytest
from tests.flow.product import Product, start

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def soma(tmp_path_factory, postgresql) -> Iterator[Product]:
    """A server whose databases are reached by `?host=` and `?sslmode=` of their URLs."""
    agent, brain = (f"{postgresql.database()}&sslmode=disable" for _ in range(2))
    assert "?host=" in agent
    product = start(tmp_path_factory.mktemp("soma"), SOMA_DATABASE_URL=agent, SOMABRAIN_DATABASE_URL=brain)
    yield product
    product.stop()


def test_a_person_is_remembered_and_answered_and_nothing_lies_in_files(soma):
    soma.owner.ask("My heron is called Quill.")
    assert "Quill" in soma.owner.ask("What is my heron called?")["content"]
    assert httpx.get(f"{soma.url}/readyz").json()["ready"]
    assert list(soma.data_dir.glob("*.sqlite3")) == []


def test_a_trace_and_the_list_of_conversations_are_read_from_it(soma):
    turn = soma.owner.ask("what is 6*7?")
    assert soma.owner.trace(turn["turn_id"])["iterations"][0]["tools"][0]["result"]["content"] == "42"
    assert soma.owner.get("/chat/conversations")["conversations"]


def test_a_server_that_restarts_is_found_again_by_every_connection(soma, postgresql):
    """Each connection is lost by the request that notices: it is told to come again."""
    conversation = soma.owner.converse()
    postgresql.disconnect()
    refused = []
    for _ in range(20):
        answer = soma.owner.http.post(f"/chat/conversations/{conversation}/messages", json={"content": "what is 5*5?"})
        if answer.is_success:
            break
        refused.append(answer.json()["code"])
        conversation = _new_conversation(soma)
    assert "25" in answer.json()["content"]
    assert set(refused) <= {"storage_unavailable"}


def _new_conversation(soma: Product) -> str:
    for _ in range(20):
        answer = soma.owner.http.post("/chat/conversations", json={})
        if answer.is_success:
            return str(answer.json()["id"])
        assert answer.json()["code"] == "storage_unavailable"
    raise AssertionError("no connection came back")
