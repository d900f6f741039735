"""A real HTTP server on loopback that speaks OpenAI's embeddings; what it answers first may be scripted."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from soma.memory.embedders.hashing import HashingEmbedder


@dataclass
class Provider:
    """`script` holds answers (status, headers, body) given before it embeds; `bodies` and `keys` are what it saw."""

    dimension: int = 32
    script: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    url: str = ""
    path: str = "/v1/embeddings"

    def answer(self, path: str, key: str, body: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        self.bodies.append(body)
        self.keys.append(key)
        if path != self.path:
            return 404, {}, {"error": {"message": f"nothing at {path}"}}
        return self.script.pop(0) if self.script else (200, {}, self.embedded(body))

    def embedded(self, body: dict[str, Any]) -> dict[str, Any]:
        model = HashingEmbedder(body.get("dimensions") or self.dimension)
        rows = [
            {"index": number, "object": "embedding", "embedding": (3 * model.read(text).vector).tolist()}
            for number, text in enumerate(body["input"])
        ]
        return {"object": "list", "model": body["model"], "data": rows[::-1], "usage": {"total_tokens": 1}}


@contextmanager
def serving(provider: Provider, port: int = 0) -> Iterator[Provider]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers, answer = provider.answer(self.path, self.headers.get("Authorization", ""), body)
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as inherited
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    provider.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
