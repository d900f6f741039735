"""The running server as the command line finds it: its address and the user's token lie in the data folder."""

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
from soma.brain.settings.errors import told
from soma.cli.output.terminal import console, errors, fail, show_json
from soma.cli.unknown_settings import GROUPS
from soma.events.reasons import reason_of
from soma.process.locks import is_locked
from soma.process.private_files import read_private

__all__ = ["console", "errors", "fail", "show_json"]  # beside what stands here: every command needs both

ADDRESS_FILE = "server.json"
STARTING_FILE = "starting"  # locked by a server until it answers
START_SECONDS = 120.0
TOKEN_FILE = "token"  # noqa: S105 - the name of the file, not a token
LONG = httpx.Timeout(600.0, connect=5.0)

COME_BACK_LATER = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}
ABOUT_THE_BODY = {httpx.codes.NOT_FOUND, httpx.codes.REQUEST_ENTITY_TOO_LARGE, httpx.codes.UNPROCESSABLE_ENTITY}
NOT_THE_AUTHOR = "[not_the_author]"
NOT_TYPEABLE = 2  # click's own for a wrong command line, and ours for text that is none
NO_SOMA = "what answers at {url} (status {status}) is no Soma: look at SOMA_URL, or start one with `soma up`"
NOT_UTF_8 = "what you typed or piped in is not text in UTF-8"

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Refused(Exception):
    """The server does not take this one; the message says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """REST calls that end the command with a plain message where the server refuses."""

    http: httpx.Client

    def get(self, path: str, **query: Any) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        return self._answer(self.http.get(path, params=given))

    def post(self, path: str, body: Any, *, tries: int = 1) -> Any:
        """`tries` above 1 is for what may be said twice: a server that is busy is asked again."""
        return self._answer(self._posted(path, body, tries))

    def attempt(self, path: str, body: Any, *, tries: int = 1) -> Any:
        """Like `post`, but raise Refused where the server refuses this body and may take another."""
        response = self._posted(path, body, tries)
        if _is_about_the_body(response):
            raise Refused(_told(response))
        return self._answer(response)

    def _posted(self, path: str, body: Any, tries: int) -> httpx.Response:
        response = self.http.post(path, json=body)
        for earlier in range(tries - 1):
            if response.status_code not in COME_BACK_LATER:
                break
            time.sleep(2**earlier)
            response = self.http.post(path, json=body)
        return response

    def patch(self, path: str, body: Any) -> Any:
        return self._answer(self.http.patch(path, json=body))

    def delete(self, path: str) -> Any:
        return self._answer(self.http.delete(path))

    def pieces(self, path: str, **query: Any) -> Iterator[bytes]:
        """An answer as it comes, however long."""
        with self.http.stream("GET", path, params=query) as response:
            if response.is_error:
                response.read()
                self._answer(response)
            yield from response.iter_bytes()

    @contextmanager
    def stream(self, path: str, body: Any) -> Iterator[Iterator[dict[str, Any]]]:
        """Frames of a server-sent event stream."""
        with self.http.stream("POST", path, json=body, headers={"Accept": "text/event-stream"}) as response:
            if response.is_error:
                response.read()
                self._answer(response)
            yield frames(response.iter_bytes())

    def _answer(self, response: httpx.Response) -> Any:
        if response.is_success and not response.content:
            return None
        try:
            return response.json() if response.is_success else fail(_told(response) or _no_soma(response))
        except ValueError:
            return fail(_no_soma(response))


def _is_about_the_body(response: httpx.Response) -> bool:
    """Whether another body might be taken; what is about the caller would refuse every other one too."""
    told = _told(response)
    return bool(told) and (response.status_code in ABOUT_THE_BODY or NOT_THE_AUTHOR in told)


def _told(response: httpx.Response) -> str:
    """The server's words for a refusal; empty where its answer is not in our shape."""
    try:
        body = response.json()
        where = f" ({body['field']})" if body.get("field") else ""
        return f"{body['message']}{where} [{body['code']}]"
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def _no_soma(response: httpx.Response) -> str:
    url = f"{response.url.scheme}://{response.url.netloc.decode('ascii')}"
    return NO_SOMA.format(url=url, status=response.status_code)


@contextmanager
def connected() -> Iterator[Server]:
    """The server of this user's data folder. Ends the command where none answers."""
    url, token = address(), read_token()
    try:
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=LONG) as http:
            yield Server(http)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        fail(f"no Soma answers at {url} ({reason_of(error)}): start it with `soma up` or `make up`")
    except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        fail(f"SOMA_URL is no address of a server: {error}")
    except UnicodeEncodeError as error:
        if error.encoding != "utf-8":  # not what is sent, but a terminal that cannot show what came
            raise
        fail(NOT_UTF_8, status=NOT_TYPEABLE)
    except httpx.TransportError as error:
        fail(
            f"the connection to {url} broke ({type(error).__name__}); a turn goes on without it (`soma trace` shows "
            "it), and any other command can be given again"
        )


def chosen_settings() -> Settings:
    """The settings; ends the command where one cannot be."""
    try:
        return settings()
    except ValidationError as error:
        fail(told(error, GROUPS))


def check_brain_settings(data_dir: Path) -> None:
    """Ends the command where a setting of the brain in this process cannot be."""
    try:
        BrainSettings(data_dir=data_dir)
    except ValidationError as error:
        fail(told(error))


def address() -> str:
    """Where the server of this data folder listens; SOMA_URL names another."""
    chosen = chosen_settings()
    if chosen.url:
        return f"{chosen.url.rstrip('/')}/api/v2"
    url = running(chosen.data_dir) or _once_started(chosen.data_dir)
    if url is None:
        fail(f"no Soma runs with the data folder {chosen.data_dir}: start it with `soma up` or `make up`")
    return f"{url}/api/v2"


def _once_started(data_dir: Path) -> str | None:
    """The address of a server that is starting, as soon as it answers; None where none starts or its start failed."""
    starting = data_dir / STARTING_FILE
    if not is_locked(starting):
        return running(data_dir)  # it may just have come up
    errors.print("[yellow]soma:[/yellow] the server is still starting; waiting for it", soft_wrap=True)
    deadline = time.monotonic() + START_SECONDS
    while is_locked(starting):
        if time.monotonic() > deadline:
            fail(f"the server of {data_dir} still starts after {START_SECONDS:g} s: its own terminal may say why")
        time.sleep(0.1)
    return running(data_dir)


def running(data_dir: Path) -> str | None:
    """The address of the server that works in this folder, if one does."""
    try:
        known = json.loads((data_dir / ADDRESS_FILE).read_text())
        os.kill(known["pid"], 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # never started, ended without a word, or not our file: its port may be somebody else's by now
    return str(known["url"])


def read_token() -> str:
    token = token_at_hand()
    if not token:
        fail(f"{no_token()}, or set SOMA_TOKEN")
    return token


def no_token() -> str:
    """What to do where no token is at hand: only a start writes one."""
    chosen = chosen_settings()
    again = "stop the server and start it again" if running(chosen.data_dir) else "start `soma up`"
    return f"there is no token in {chosen.data_dir / TOKEN_FILE}: {again}, which writes a new one"


def token_at_hand() -> str:
    """SOMA_TOKEN, else the one of the data folder, else nothing."""
    chosen = chosen_settings()
    return chosen.token.get_secret_value() or read_private(chosen.data_dir / TOKEN_FILE)


def frames(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The data of each server-sent event; an `error` event ends the command."""
    for event in _events(pieces):
        frame = json.loads(event.data)
        if event.event == "error":
            fail(frame["message"])
        yield frame


def _events(pieces: Iterable[bytes]) -> Iterator[ServerSentEvent]:
    decoder = EventDecoder()
    try:
        for piece in pieces:
            yield from decoder.feed(piece)  # what a cut stream began is no event
    except EventTooLong as error:
        fail(f"the server sent what cannot be shown: {error}; `soma trace --json` has it")


def hand_out(made: dict[str, Any], *, as_json: bool) -> None:
    """Print a new token: whole, or alone on its line."""
    if as_json:
        show_json(made)
        return
    console.print(made["token"], soft_wrap=True)
