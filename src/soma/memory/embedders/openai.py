"""Servers that speak OpenAI's embeddings over HTTP: OpenAI, vLLM, Ollama, llama.cpp, text-embeddings-inference."""

from collections.abc import Sequence
from typing import Any

import httpx

from soma.memory.embedders.remote import Trouble
from soma.memory.errors import EmbedderUnavailable
from soma.process.reasons import reason_of

WORTH_ANOTHER_TRY = frozenset({408, 409, 425, 429})
SHOWN = 200  # characters of a refusal


class OpenAIEndpoint:
    """The client is the caller's, so that connections are pooled and closed with the process."""

    def __init__(self, http: httpx.Client, *, url: str, model: str, key: str = "", dimension: int = 0) -> None:
        self._http = http
        self._url = f"{url.rstrip('/')}/embeddings"
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._body = {"model": model, "encoding_format": "float"} | ({"dimensions": dimension} if dimension else {})

    def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        try:
            response = self._http.post(self._url, json={**self._body, "input": list(texts)}, headers=self._headers)
        except httpx.TransportError as error:
            raise Trouble(f"{type(error).__name__} {error}".rstrip()) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EmbedderUnavailable(f"{self._url} cannot be asked: {reason_of(error)}") from error
        if response.is_success:
            return _vectors(response)
        reason = f"{response.status_code} {_message(response)}".rstrip()
        if response.is_server_error or response.status_code in WORTH_ANOTHER_TRY:
            raise Trouble(reason, after=_retry_after(response))
        raise EmbedderUnavailable(f"{self._url} refuses: {reason}")


def _vectors(response: httpx.Response) -> list[list[float]]:
    try:
        rows = sorted(response.json()["data"], key=lambda row: row["index"])
        return [[float(number) for number in row["embedding"]] for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise EmbedderUnavailable(f"{response.url} answered in a form that is not OpenAI's: {error!r}") from error


def _message(response: httpx.Response) -> str:
    """Read {error: {message}}, {error: "..."} or {message: "..."}; anything else is left out."""
    try:
        body: Any = response.json()
    except ValueError:
        return ""
    message = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(message, dict):
        message = message.get("message", "")
    return str(message)[:SHOWN]


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
