"""A model server on loopback that speaks as slowly as a test wants: half an answer, then the rest when it is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HALVES = ("The first half, ", "and the second.")
SECONDS = 30.0


class Speaker:
    """`go_on` lets the second half of every answer out; `left` is set when a client hangs up before it."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.left = threading.Event()
        speaker = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                speaker.speak(self)

            def log_message(self, *arguments: object) -> None:
                """Nothing: pytest's output is for failures."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def speak(self, handler: BaseHTTPRequestHandler) -> None:
        _say(handler, {"content": HALVES[0]})
        while not self.go_on.wait(0.05):
            try:
                handler.wfile.write(b": still there\n\n")
                handler.wfile.flush()
            except OSError:
                self.left.set()
                return
        _say(handler, {"content": HALVES[1]})
        _say(handler, {}, finish_reason="stop")
        handler.wfile.write(b"data: [DONE]\n\n")

    @contextmanager
    def serving(self) -> Iterator["Speaker"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            self.go_on.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join(SECONDS)


def _say(handler: BaseHTTPRequestHandler, delta: dict[str, str], finish_reason: str | None = None) -> None:
    chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}
    handler.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
    handler.wfile.flush()
