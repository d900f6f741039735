"""The running server: its address and the user's token, from the data folder, and REST calls to it."""

import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx
from pydantic import ValidationError

from soma.agent.llm.providers.sse import EventDecoder, EventTooLong, ServerSentEvent
from soma.agent.settings import Settings, settings
from soma.brain.settings import BrainSettings
from soma.brain.settings.errors import describe_fault
from soma.cli.output.terminal import console, errors, fail, show_json
from soma.cli.unknown_settings import GROUPS
from soma.process.locks import is_locked
from soma.process.private_files import read_private
from soma.process.reasons import reason_of

__all__ = ["console", "errors", "fail", "show_json"]  # every command needs them as well

ADDRESS_FILE = "server.json"
STARTING_FILE = "starting"  # locked by a server until it answers
START_SECONDS = 120.0
TOKEN_FILE = "token"  # noqa: S105 - the name of the file, not a token
LONG = httpx.Timeout(600.0, connect=5.0)

COME_BACK_LATER = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}
ABOUT_THE_BODY = {httpx.codes.NOT_FOUND, httpx.codes.REQUEST_ENTITY_TOO_LARGE, httpx.codes.UNPROCESSABLE_ENTITY}
NOT_THE_AUTHOR = "[not_the_author]"
USAGE_STATUS = 2  # exit status of click for a wrong command line; here also for input that is not text
NOT_A_SOMA = "what answers at {url} (status {status}) is not a Soma server: check SOMA_URL, or start one with `soma up`"
NOT_UTF_8 = "the input is not UTF-8 text"

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Refusal(Exception):
    """The server refused this request body; the message says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """REST calls; a refusal by the server ends the command with its message."""

    http: httpx.Client

    def get(self, path: str, **query: Any) -> Any:
        parameters = {name: value for name, value in query.items() if value is not None}
        return self._result(self.http.get(path, params=parameters))

    def post(self, path: str, body: Any, *, tries: int = 1) -> Any:
        """Post a body; with `tries` above 1, which only suits idempotent requests, again while the server is busy."""
        return self._result(self._send(path, body, tries))

    def attempt(self, path: str, body: Any, *, tries: int = 1) -> Any:
        """Like `post`, but raise Refusal if the server refuses this body and may accept another."""
        response = self._send(path, body, tries)
        if _is_about_the_body(response):
            raise Refusal(_refusal_text(response))
        return self._result(response)

    def _send(self, path: str, body: Any, tries: int) -> httpx.Response:
        response = self.http.post(path, json=body)
        for earlier in range(tries - 1):
            if response.status_code not in COME_BACK_LATER:
                break
            time.sleep(2**earlier)
            response = self.http.post(path, json=body)
        return response

    def patch(self, path: str, body: Any) -> Any:
        return self._result(self.http.patch(path, json=body))

    def delete(self, path: str) -> Any:
        return self._result(self.http.delete(path))

    def stream_bytes(self, path: str, **query: Any) -> Iterator[bytes]:
        """Yield an answer of any length in the pieces in which it arrives."""
        with self.http.stream("GET", path, params=query) as response:
            if response.is_error:
                response.read()
                self._result(response)
            yield from response.iter_bytes()

    @contextmanager
    def stream_frames(self, path: str, body: Any) -> Iterator[Iterator[dict[str, Any]]]:
        """Post a body and yield the frames of the server-sent events that answer it."""
        with self.http.stream("POST", path, json=body, headers={"Accept": "text/event-stream"}) as response:
            if response.is_error:
                response.read()
                self._result(response)
            yield read_frames(response.iter_bytes())

    def _result(self, response: httpx.Response) -> Any:
        if response.is_success and not response.content:
            return None
        try:
            return response.json() if response.is_success else fail(_refusal_text(response) or _not_a_soma(response))
        except ValueError:
            return fail(_not_a_soma(response))


def _is_about_the_body(response: httpx.Response) -> bool:
    """Return whether another body might be accepted; a refusal of the caller would hit every body."""
    text = _refusal_text(response)
    return bool(text) and (response.status_code in ABOUT_THE_BODY or NOT_THE_AUTHOR in text)


def _refusal_text(response: httpx.Response) -> str:
    """The server's message for a refusal; empty if the answer is not a Soma error."""
    try:
        body = response.json()
        where = f" ({body['field']})" if body.get("field") else ""
        return f"{body['message']}{where} [{body['code']}]"
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def _not_a_soma(response: httpx.Response) -> str:
    url = f"{response.url.scheme}://{response.url.netloc.decode('ascii')}"
    return NOT_A_SOMA.format(url=url, status=response.status_code)


@contextmanager
def connect() -> Iterator[Server]:
    """Connect to the server of this user's data folder; end the command if none answers."""
    url, token = server_address(), read_token()
    try:
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=LONG) as http:
            yield Server(http)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        fail(f"no Soma answers at {url} ({reason_of(error)}): start it with `soma up` or `make up`")
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        fail(f"SOMA_URL is not the address of a server: {error}")
    except UnicodeEncodeError as error:
        if error.encoding != "utf-8":  # the terminal cannot show what arrived
            raise
        fail(NOT_UTF_8, status=USAGE_STATUS)
    except httpx.TransportError as error:
        fail(
            f"the connection to {url} broke ({type(error).__name__}); a turn goes on without it (`soma trace` shows "
            "it), and any other command can be repeated"
        )


def read_settings() -> Settings:
    """Read the settings; end the command if one is invalid."""
    try:
        return settings()
    except ValidationError as error:
        fail(describe_fault(error, GROUPS))


def check_brain_settings(data_dir: Path) -> None:
    """End the command if a setting of the brain in this process is invalid."""
    try:
        BrainSettings(data_dir=data_dir)
    except ValidationError as error:
        fail(describe_fault(error))


def server_address() -> str:
    """The address of the API: SOMA_URL, else the server that is running or starting in the data folder."""
    chosen = read_settings()
    if chosen.url:
        return f"{chosen.url.rstrip('/')}/api/v2"
    url = running_address(chosen.data_dir) or _wait_for_start(chosen.data_dir)
    if url is None:
        fail(f"no Soma is running with the data folder {chosen.data_dir}: start it with `soma up` or `make up`")
    return f"{url}/api/v2"


def _wait_for_start(data_dir: Path) -> str | None:
    """Wait for a server that is starting, and return its address; None if none is starting or its start failed."""
    starting = data_dir / STARTING_FILE
    if not is_locked(starting):
        return running_address(data_dir)  # it may just have come up
    errors.print("[yellow]soma:[/yellow] the server is still starting; waiting for it", soft_wrap=True)
    deadline = time.monotonic() + START_SECONDS
    while is_locked(starting):
        if time.monotonic() > deadline:
            fail(f"the server of {data_dir} is not up after {START_SECONDS:g} s: see its own terminal")
        time.sleep(0.1)
    return running_address(data_dir)


def running_address(data_dir: Path) -> str | None:
    """The address of the server that works in this folder, if one does."""
    try:
        known = json.loads((data_dir / ADDRESS_FILE).read_text())
        os.kill(known["pid"], 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # never started, was killed, or not our file: another program may hold its port now
    return str(known["url"])


def read_token() -> str:
    token = find_token()
    if not token:
        fail(f"{missing_token_text()}, or set SOMA_TOKEN")
    return token


def missing_token_text() -> str:
    """The advice for a missing token: only a start writes one."""
    chosen = read_settings()
    again = "stop the server and start it again" if running_address(chosen.data_dir) else "start `soma up`"
    return f"there is no token in {chosen.data_dir / TOKEN_FILE}: {again}, which writes a new one"


def find_token() -> str:
    """The token from SOMA_TOKEN, else from the data folder, else an empty string."""
    chosen = read_settings()
    return chosen.token.get_secret_value() or read_private(chosen.data_dir / TOKEN_FILE)


def read_frames(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the data of each server-sent event; an `error` event ends the command."""
    for event in _events(pieces):
        frame = json.loads(event.data)
        if event.event == "error":
            fail(frame["message"])
        yield frame


def _events(pieces: Iterable[bytes]) -> Iterator[ServerSentEvent]:
    decoder = EventDecoder()
    try:
        for piece in pieces:
            yield from decoder.feed(piece)  # an event that the end of the stream cuts off is dropped
    except EventTooLong as error:
        fail(f"the server sent an event that cannot be shown ({error}); `soma trace --json` has it")


def show_token(made: dict[str, Any], *, as_json: bool) -> None:
    """Print a new token alone on its line, or as JSON with all that belongs to it."""
    if as_json:
        show_json(made)
        return
    console.print(made["token"], soft_wrap=True)
