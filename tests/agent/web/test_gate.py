"""The gate: the names by which a server is called, whose bodies are read, and who is on this machine."""

from contextlib import nullcontext
from typing import Any

import pytest

from soma.agent.errors import Malformed, Unauthorized
from soma.agent.web.gate import Gate

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEAR, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - what an operator may ask for


def gate(bound: str = NEAR) -> Gate:
    return Gate(bound=bound, allowed="soma.example, other.example", service_token=lambda: "the service's")


def asked(*headers: tuple[str, str]) -> dict[str, Any]:
    return {"headers": [(name.encode(), value.encode()) for name, value in headers]}


@pytest.mark.parametrize(
    ("bound", "headers", "is_local"),
    [
        (NEAR, [("host", "localhost:8018")], True),
        (NEAR, [("host", "127.0.0.2")], True),
        (NEAR, [("host", "[::1]:8018")], True),
        (NEAR, [("host", "localhost.")], True),
        (NEAR, [("host", "soma.example")], False),
        (NEAR, [("host", "203.0.113.5")], False),
        (NEAR, [], False),
        (EVERYWHERE, [("host", "localhost")], False),
        *(
            (NEAR, [("host", "localhost"), (name, "192.0.2.7")], False)
            for name in ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
        ),
    ],
)
async def test_a_sender_is_on_this_machine_only_where_nobody_can_speak_for_another(
    bound: str, headers: list[tuple[str, str]], *, is_local: bool
) -> None:
    assert gate(bound).is_local(asked(*headers)) is is_local


@pytest.mark.parametrize(
    ("bound", "host", "is_ours"),
    [
        (NEAR, "other.example:80", True),
        (NEAR, "evil.example", False),
        (NEAR, "203.0.113.5", False),
        (EVERYWHERE, "203.0.113.5", True),
        (EVERYWHERE, "evil.example", False),
    ],
)
async def test_an_address_is_a_name_of_a_server_only_where_others_reach_it(
    bound: str, host: str, *, is_ours: bool
) -> None:
    with nullcontext() if is_ours else pytest.raises(Malformed, match="SOMA_ALLOWED_HOSTS"):
        gate(bound).check_host(asked(("host", host)))


async def test_one_of_two_hosts_is_no_host() -> None:
    with pytest.raises(Malformed):
        gate().check_host(asked(("host", "localhost"), ("host", "evil.example")))


@pytest.mark.parametrize("length", [("content-length", "5"), ("transfer-encoding", "chunked")])
async def test_a_body_of_nobody_is_not_read_however_its_length_is_said(length: tuple[str, str]) -> None:
    with pytest.raises(Unauthorized):
        await gate().verify_sender(asked(length))
    await gate().verify_sender(asked(("content-length", "0")))


@pytest.mark.parametrize("token", ["Bearer wrong", "Basic the service's", "Bearer the service", ""])
async def test_the_brain_of_a_server_that_others_reach_takes_the_service_token_only(token: str) -> None:
    with pytest.raises(Unauthorized):
        gate(EVERYWHERE).check_service(asked(("authorization", token)))
    gate(EVERYWHERE).check_service(asked(("authorization", "bearer the service's")))
    gate(NEAR).check_service(asked(("host", "localhost")))  # the brain asks for it itself
    with pytest.raises(Unauthorized):
        gate(NEAR).check_service(asked(("host", "soma.example"), ("authorization", token)))
