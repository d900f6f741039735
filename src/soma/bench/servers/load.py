"""Load: prebuilt HTTP requests over keep-alive sockets, so cheap that a benchmark measures only the server."""

import socket
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import urlsplit

READ = 1 << 16


class HttpResponse(NamedTuple):
    status: int
    body: bytes


def build_request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class HttpConnection:
    """A keep-alive connection for one request at a time."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, prebuilt: bytes) -> HttpResponse:
        self._socket.sendall(prebuilt)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._more()
        head = received[:end].lower()
        start = head.index(b"content-length:") + len(b"content-length:")
        length = int(head[start:].split(b"\r\n", 1)[0])
        body = received[end + 4 :]
        while len(body) < length:
            body += self._more()
        return HttpResponse(int(head.split(b" ", 2)[1]), body)

    def _more(self) -> bytes:
        received = self._socket.recv(READ)
        if not received:
            raise ConnectionError("the server closed the connection")
        return received

    def close(self) -> None:
        self._socket.close()


def flood(url: str, requests: Iterable[bytes], *, connections: int) -> float:
    """Send all requests as fast as they are answered; return the seconds. Raises if any answer is not a success."""
    waiting, lock = iter(requests), threading.Lock()

    def run() -> None:
        connection = HttpConnection(url)
        while True:
            with lock:
                prebuilt = next(waiting, None)
            if prebuilt is None:
                break
            _expect(connection.send(prebuilt))
        connection.close()

    began = time.perf_counter()
    with ThreadPoolExecutor(connections) as threads:
        for future in [threads.submit(run) for _ in range(connections)]:
            future.result()
    return time.perf_counter() - began


def offer(url: str, requests: Sequence[bytes], *, rate: float, connections: int) -> list[float]:
    """Send `rate` requests a second, however slow the answers; return the seconds of each from when it was due."""
    waiting, lock, took = iter(enumerate(requests)), threading.Lock(), [0.0] * len(requests)
    began = time.perf_counter() + 0.1

    def run() -> None:
        connection = HttpConnection(url)
        while True:
            with lock:
                number, prebuilt = next(waiting, (-1, b""))
            if number < 0:
                break
            due = began + number / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            _expect(connection.send(prebuilt))
            took[number] = time.perf_counter() - due
        connection.close()

    with ThreadPoolExecutor(connections) as threads:
        for future in [threads.submit(run) for _ in range(connections)]:
            future.result()
    return took


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _expect(answer: HttpResponse) -> None:
    if not 200 <= answer.status < 300:
        raise RuntimeError(f"{answer.status}: {answer.body[:300]!r}")
