"""Ports and hosts: a socket bound to a port or the next free one, and hosts that are this machine."""

import errno
import socket
from collections.abc import Callable
from ipaddress import ip_address

TRIED = 10
LAST_PORT = 65_535


class CannotListen(OSError):
    """No port of the address can be had; the message says why."""


def bind_free_port(host: str, port: int, *, on_busy: Callable[[int], object]) -> socket.socket:
    """Return a socket bound to `port`, or to the first free one of the nine after it. It does not listen yet.

    Calls `on_busy` with each port that is taken. Raises CannotListen.
    """
    ports = range(port, min(port + TRIED, LAST_PORT + 1))
    for candidate in ports:
        try:
            return _bind(host, candidate)
        except OSError as error:
            if not isinstance(error, PermissionError) and error.errno != errno.EADDRINUSE:
                raise CannotListen(f"cannot listen on {host}: {error.strerror}") from error
            on_busy(candidate)
    raise CannotListen(f"ports {ports[0]} to {ports[-1]} of {host} are all busy")


def is_loopback(host: str) -> bool:
    """Return whether a host's name or address leads to this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol by its name: asyncio's own loop waits 40 ms with a part of an answer where it is not told.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
