"""A busy port gives way to the next free one."""

import socket
from contextlib import closing

import pytest

from soma.process.ports import CannotListen, bind_free_port


def test_the_next_free_port_is_taken_and_each_busy_one_is_told():
    with closing(socket.socket()) as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        told: list[int] = []
        with closing(bind_free_port("127.0.0.1", port, on_busy=told.append)) as bound:
            assert told == list(range(port, bound.getsockname()[1]))
            assert port in told


def test_an_address_of_another_machine_is_told_at_once():
    with pytest.raises(CannotListen, match=r"cannot listen on 192\.0\.2\.1"):
        bind_free_port("192.0.2.1", 8018, on_busy=lambda _: pytest.fail("it is not busy"))
