"""HTTP as it is on the wire, for what no client library would send."""

import json
import socket
from contextlib import contextmanager
from http.client import HTTPResponse
from urllib.parse import urlsplit

PIECE = b"10000\r\n" + b"x" * 65_536 + b"\r\n"  # of a chunked body


@contextmanager
def line(url, sent=""):
    """A connection on which this was said."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(sent.encode())
        yield connection


def rest(connection):
    """What comes until the server closes."""
    heard = b""
    while piece := connection.recv(65_536):
        heard += piece
    return heard


def answer(connection):
    """Status and body of the next response."""
    response = HTTPResponse(connection)
    response.begin()
    return response.status, json.loads(response.read())


def poured(connection, most, piece=PIECE):
    """How many bytes of what has no end the server takes before it hangs up."""
    sent = 0
    try:
        while sent < most:
            connection.sendall(piece)
            sent += len(piece)
    except OSError:
        return sent
    return sent
