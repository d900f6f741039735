"""Members come and go: who is put out is out at every door at once, and nobody comes back as somebody else."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.flow.product import Person
from websockets.exceptions import ConnectionClosed

SECRET = "My safe opens with 0815-Timbuktu."


def token_ids(person, **query):
    return [row["id"] for row in person.get("/tokens", **query)["tokens"]]


def closed_by(socket):
    """Code and reason with which a socket is closed, whatever came before."""
    with pytest.raises(ConnectionClosed) as closed:
        list(iter(lambda: socket.recv(timeout=10), None))
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


def refusal(answer):
    return answer.status_code, answer.json()["code"]


@pytest.fixture(scope="module")
def home(soma):
    """A tenant of these tests, by its owner."""
    return soma.tenant("members-home")


@pytest.fixture
def invited(home, _numbers):
    """Invites somebody new: (name, person)."""

    def invite(role="member"):
        name = f"guest-{next(_numbers)}"
        return name, Person(home.url, home.post("/members", {"username": name, "role": role})["token"])

    return invite


def test_who_is_removed_opens_no_door_with_any_token(home, invited):
    name, guest = invited()
    second = Person(home.url, guest.post("/tokens", {"name": "laptop"})["token"])
    assert home.http.delete(f"/members/{name}").status_code == 204
    for person in (guest, second):
        assert refusal(person.http.get("/me")) == (401, "token_invalid")
    assert name not in [member["username"] for member in home.get("/members")["members"]]
    assert refusal(home.http.delete(f"/members/{name}")) == (404, "unknown_member")


@pytest.mark.parametrize("way", ["removed", "revoked"])
def test_open_streams_and_sockets_end_at_once_with_who_opened_them(home, invited, way):
    name, guest = invited()
    place = guest.converse()
    guest.ask("what is 6*7?", place)
    with (
        guest.socket() as idle,
        guest.socket() as following,
        guest.http.stream("GET", f"/chat/conversations/{place}/events") as stream,
    ):
        following.send(json.dumps({"type": "chat.resume", "payload": {"conversation_id": place, "after": 0}}))
        assert json.loads(following.recv(timeout=10))["type"] == "chat.turn_started"
        lines = stream.iter_lines()
        assert next(lines) == "id: 1"
        if way == "removed":
            assert home.http.delete(f"/members/{name}").status_code == 204
        else:
            [token] = token_ids(guest)
            assert home.http.delete(f"/tokens/{token}").status_code == 204
        for socket in (idle, following):
            code, reason = closed_by(socket)
            assert code == 4401
            assert "revoked" in reason
        last = list(lines)  # the stream ends
        assert json.loads(last[-2].removeprefix("data: "))["code"] == "token_invalid"


def test_the_name_of_who_was_removed_comes_back_without_their_things(home, invited):
    name, guest = invited()
    before = guest.get("/me")["user_id"]
    guest.ask(f"remember that {SECRET}")
    assert guest.recall("How does my safe open?")
    home.http.delete(f"/members/{name}").raise_for_status()
    again = Person(home.url, home.post("/members", {"username": name})["token"])
    assert again.get("/me")["user_id"] != before
    assert again.get("/chat/conversations")["total"] == 0
    assert again.get("/memories", search="Timbuktu")["memories"] == []
    assert again.recall("How does my safe open?") == []
    assert home.get("/memories", search="Timbuktu")["memories"] == []


def test_another_role_holds_at_once_for_the_tokens_at_hand(home, invited):
    name, guest = invited()
    place = guest.converse()
    with guest.socket() as socket:
        changed = home.http.patch(f"/members/{name}", json={"role": "viewer"})
        assert (changed.status_code, changed.json()["role"]) == (200, "viewer")
        assert guest.get("/me")["role"] == "viewer"
        assert refusal(guest.http.post(f"/chat/conversations/{place}/messages", json={"content": "x"})) == (
            403,
            "role_required",
        )
        socket.send(json.dumps({"type": "chat.message", "payload": {"conversation_id": place, "content": "x"}}))
        assert json.loads(socket.recv(timeout=10))["payload"]["code"] == "role_required"
    home.http.patch(f"/members/{name}", json={"role": "owner"}).raise_for_status()
    assert guest.http.post("/members", json={"username": f"{name}-friend"}).status_code == 201
    assert home.http.delete(f"/members/{name}").status_code == 204


def test_the_last_owner_can_neither_go_nor_step_down(home):
    [own] = [member for member in home.get("/members")["members"] if member["role"] == "owner"]
    for who in (own["username"], own["user_id"]):
        assert refusal(home.http.delete(f"/members/{who}")) == (409, "last_owner")
        assert refusal(home.http.patch(f"/members/{who}", json={"role": "member"})) == (409, "last_owner")
    assert home.get("/me")["role"] == "owner"


@pytest.mark.parametrize("name", ["duel-1", "duel-2", "duel-3"])
def test_two_owners_cannot_put_each_other_out_at_once(soma, name):
    first = soma.tenant(name)
    second = Person(first.url, first.post("/members", {"username": "second", "role": "owner"})["token"])
    with ThreadPoolExecutor(2) as threads:
        duel = [(first, "second"), (second, f"{name}-owner")]
        answers = list(threads.map(lambda blow: blow[0].http.delete(f"/members/{blow[1]}").status_code, duel))
    assert 204 in answers
    left = [person for person in (first, second) if person.http.get("/me").status_code == 200]
    assert [person.get("/me")["role"] for person in left] == ["owner"]


def test_members_and_tokens_of_others_are_for_owners_of_the_tenant(home, invited, soma):
    name, guest = invited()
    other, stranger = invited()
    [token] = token_ids(guest)
    assert refusal(stranger.http.delete(f"/members/{name}")) == (403, "role_required")
    assert refusal(stranger.http.patch(f"/members/{other}", json={"role": "owner"})) == (403, "role_required")
    assert refusal(stranger.http.get("/tokens", params={"everyone": True})) == (403, "role_required")
    assert refusal(stranger.http.get("/tokens", params={"member": name})) == (403, "role_required")
    assert refusal(stranger.http.delete(f"/tokens/{token}")) == (404, "unknown_token")
    elsewhere = soma.owner  # the operator even, but of another tenant
    assert refusal(elsewhere.http.delete(f"/members/{name}")) == (404, "unknown_member")
    assert refusal(elsewhere.http.patch(f"/members/{name}", json={"role": "viewer"})) == (404, "unknown_member")
    assert refusal(elsewhere.http.delete(f"/tokens/{token}")) == (404, "unknown_token")
    assert token not in token_ids(elsewhere, everyone=True)
    assert token in token_ids(home, everyone=True)
    assert token_ids(home, member=name) == [token]
    assert guest.get("/me")["role"] == "member"


def test_a_token_ends_when_it_was_said_to_and_by_default_after_a_year(home, invited):
    _, guest = invited()
    for asked, days in (({}, 365), ({"expires_in_days": 3}, 3)):
        made = guest.post("/tokens", {"name": "t", **asked})
        left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
        assert timedelta(days=days - 1) < left <= timedelta(days=days)
    refused = guest.http.post("/tokens", json={"name": "t", "expires_in_days": 366})
    assert (refused.status_code, refused.json()["field"]) == (422, "expires_in_days")


def test_a_member_has_a_bounded_number_of_tokens(home, invited):
    _, guest = invited(role="viewer")
    made = [guest.http.post("/tokens", json={"name": f"t{n}"}).status_code for n in range(20)]
    assert made == [201] * 19 + [409]  # the first came with the invitation
    assert refusal(guest.http.post("/tokens", json={"name": "more"})) == (409, "too_many_tokens")
    assert guest.http.delete(f"/tokens/{token_ids(guest)[-1]}").status_code == 204
    assert guest.http.post("/tokens", json={"name": "again"}).status_code == 201


def test_no_token_may_more_than_the_one_that_made_it(home, invited):
    name, guest = invited()
    assert refusal(guest.http.post("/tokens", json={"name": "t", "role": "owner"})) == (403, "role_required")
    reading = Person(home.url, guest.post("/tokens", {"name": "screen", "role": "viewer"})["token"])
    assert reading.get("/me")["role"] == "viewer"
    assert refusal(reading.http.post("/tokens", json={"name": "t", "role": "member"})) == (403, "role_required")
    child = Person(home.url, reading.post("/tokens", {"name": "child"})["token"])
    home.http.patch(f"/members/{name}", json={"role": "owner"}).raise_for_status()
    assert [person.get("/me")["role"] for person in (guest, reading, child)] == ["owner", "viewer", "viewer"]
    assert refusal(child.http.post("/chat/conversations", json={})) == (403, "role_required")
    home.http.delete(f"/members/{name}").raise_for_status()


def test_the_operator_readmits_who_has_lost_every_token_of_any_tenant(soma, home, invited):
    name, guest = invited()
    guest.remember("The harbour opens at seven.")
    home.http.delete(f"/tokens/{token_ids(guest)[0]}").raise_for_status()
    path = f"/tenants/members-home/members/{name}/tokens"
    assert refusal(home.http.post(path, json={"name": "t"})) == (403, "operator_required")
    again = Person(home.url, soma.owner.post(path, {"name": "t"})["token"])
    assert again.recall("When does the harbour open?") == ["The harbour opens at seven."]


def test_the_command_line_does_it_too(soma, home, invited):
    name, guest = invited()

    def soma_(*words, **more):
        done = soma.run(*words, token=home.token, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert name in soma_("members", "list")
    soma_("members", "role", name, "viewer")
    assert guest.get("/me")["role"] == "viewer"
    made = json.loads(soma_("tokens", "add", "phone", "--days", "2", "--role", "viewer", "--json"))
    assert httpx.get(f"{home.url}/api/v2/me", headers={"Authorization": f"Bearer {made['token']}"}).is_success
    assert made["token_id"] in soma_("tokens", "list")
    soma_("tokens", "revoke", made["token_id"])
    assert made["token_id"] not in soma_("tokens", "list", "--all")
    [of_guest] = json.loads(soma_("tokens", "list", "--member", name, "--json"))
    soma_("tokens", "revoke", of_guest["id"])
    assert guest.http.get("/me").status_code == 401
    soma_("members", "remove", name)
    again = soma.run("members", "remove", name, token=home.token)
    assert again.returncode == 1
    assert "unknown_member" in again.stderr
