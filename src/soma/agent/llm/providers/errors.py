"""Errors of providers, in every shape in use, as our errors with the provider's words. Pure."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from soma.agent.llm.base import ModelError, ModelUnauthorized, ModelUnavailable
from soma.agent.llm.json_values import NotJSON, clean, decode

MAX_REASON = 500
MAX_PAGE = 20_000  # characters of a web page that are looked at
BUSY_WORDS = ("rate_limit", "server_error", "overloaded", "unavailable", "timeout", "timed out", "exhausted")
KEY_WORDS = ("invalid_api_key", "authentication", "unauthorized")
REFUSAL_WORDS = ("invalid", "not_found", "notfound", "bad_request", "badrequest", "unsupported", "context_length")
REASON_FIELDS = ("error", "errors", "message", "detail", "error_message", "error_msg", "msg")
CODE_FIELDS = ("code", "error_code", "status")
HIDDEN = "[key]"
SHORTEST_KEY = 8  # characters; a shorter key protects nothing, and may be part of a word
NO_REASON = "the provider gave no reason"
DEEPEST = 5  # errors within errors

PAGE_TITLE = re.compile(r"<(title|h1)\b[^<>]*>([^<>]+)</\1>", re.IGNORECASE)
TAG = re.compile(r"<[^<>]*>")


def error_of(error: Any, *, status: int, retry_after: float | None = None) -> ModelError:
    """Turn a provider's error object, or what stands in its place, into ours, by its code, type and status."""
    reason, code = _reason(error)
    if isinstance(code, int) and 400 <= code < 600:
        status = code
    words = f"{code} {_type(error)}".lower()
    message = f"{reason} (status {status})" if status >= 300 else reason
    if status == 401 or any(word in words for word in KEY_WORDS):
        return ModelUnauthorized(message)
    broke_off = status < 300 and not code and not any(word in words for word in REFUSAL_WORDS)
    if status in (408, 425, 429) or status >= 500 or broke_off or any(word in words for word in BUSY_WORDS):
        return ModelUnavailable(message, retry_after=retry_after)
    return ModelError(message)


@contextmanager
def hide_key(key: str) -> Iterator[None]:
    """Remove the key from errors: some providers repeat the one that they refuse."""
    try:
        yield
    except ModelError as error:
        if len(key) >= SHORTEST_KEY:
            error.args = tuple(str(word).replace(key, HIDDEN) for word in error.args)
        raise


def error_in(chunk: dict[str, Any]) -> ModelError | None:
    """Return the error that stands in place of a chunk; None for a chunk of an answer."""
    if chunk.get("error"):
        return error_of(chunk if isinstance(chunk["error"], bool | int | float) else chunk["error"], status=200)
    if chunk.get("choices") or chunk.get("type") == "ping":
        return None
    has_reason = chunk.get("object") == "error" or any(
        isinstance(chunk.get(field), str | list) and chunk[field] for field in REASON_FIELDS
    )
    has_failed = bool(chunk.get("error_code")) and isinstance(chunk.get("text"), str)
    return error_of(chunk, status=200) if has_reason or has_failed else None


def redirect_error(status: int, target: str) -> ModelError:
    """Return the error for a moved provider: a request with a key in it follows no redirect."""
    place = target.partition("?")[0].rpartition("@")[2]
    place = _short(place) if place else "an unnamed address"
    return ModelError(f"the provider's address redirects to {place}: set its base URL to that (status {status})")


def error_of_body(body: str | bytes, *, status: int, retry_after: float | None = None) -> ModelError:
    """Return the error that a whole body tells of, JSON or not."""
    try:
        told = decode(body)
    except NotJSON:
        told = body if isinstance(body, str) else body.decode("utf-8", "replace")
    return error_of(told, status=status, retry_after=retry_after)


def _reason(error: Any) -> tuple[str, Any]:
    """Return the provider's words and its code."""
    texts = (text for text in _texts(error, DEEPEST) if text.strip())
    return _short(next(texts, NO_REASON)), _code(error)


def _texts(error: Any, depth: int) -> Iterator[str]:
    """Yield every text that may be the reason, the likeliest first."""
    if depth == 0:
        return
    match error:
        case str():
            yield _page_text(error) if error.lstrip()[:1] == "<" else error
        case list():
            for item in error[:DEEPEST]:
                yield from _texts(item, depth - 1)
        case {"message": str(message), "metadata": {"raw": str(raw)}}:
            yield f"{message}: {raw}"
        case dict():
            for field in (*REASON_FIELDS, "text", "reason", "title"):
                yield from _texts(error.get(field), depth - 1)


def _page_text(page: str) -> str:
    """Describe a web page by its title, or by its text if it has none."""
    page = page[:MAX_PAGE]
    title = PAGE_TITLE.search(page)
    words = title[2] if title else TAG.sub(" ", page)
    return f"the provider answered with a web page: {' '.join(words.split()) or 'without text'}"


def _code(error: Any) -> Any:
    """Return the first code. One of five digits (FastChat's 40303, 50002) begins with the HTTP status."""
    for found in (error, *_inner(error)):
        for field in CODE_FIELDS:
            code = found.get(field) if isinstance(found, dict) else None
            if isinstance(code, str) and code.isascii() and code.isdigit():
                code = int(code[:9])
            if isinstance(code, int) and 10_000 <= code < 100_000:
                code //= 100
            if code and isinstance(code, int | str):
                return code
    return None


def _type(error: Any) -> str:
    types = (found.get("type") for found in (error, *_inner(error)) if isinstance(found, dict))
    return next((kind for kind in types if isinstance(kind, str)), "")


def _inner(error: Any) -> list[Any]:
    """Return the error objects within an envelope."""
    if isinstance(error, list):
        return [inner for item in error[:1] for inner in (item, *_inner(item)) if not isinstance(item, list)]
    return [error["error"]] if isinstance(error, dict) and "error" in error else []


def _short(reason: str) -> str:
    printable = "".join(sign if sign.isprintable() else " " for sign in clean(reason[: 4 * MAX_REASON]))
    return " ".join(printable.split())[:MAX_REASON] or NO_REASON
