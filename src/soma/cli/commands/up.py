"""soma up: everything in one process on this machine."""

import json
import logging
import os
import shlex
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import uvicorn

from soma.agent.settings import LOCK_FILE, Settings, default_data_dir
from soma.brain.settings.not_built import find_not_built
from soma.cli.server import (
    ADDRESS_FILE,
    STARTING_FILE,
    TOKEN_FILE,
    check_brain_settings,
    errors,
    fail,
    read_settings,
    running_address,
)
from soma.cli.unknown_settings import unknown_settings
from soma.process.connections import ConnectionLimits, allow_files, make_protocol
from soma.process.locks import FileLock, is_locked
from soma.process.ports import CannotListen, bind_free_port, is_loopback
from soma.process.private_files import write_private
from soma.process.reasons import reason_of

if TYPE_CHECKING:
    from soma.agent.asgi import Application
    from soma.agent.llm.selection import Selection

EXPOSED = (
    "{address} can be reached from other machines, and traffic is not encrypted: put a proxy with TLS "
    "before it. There /metrics needs the operator's token or the service token, /brain the service token."
)
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - an operator may ask for it


class AnnouncingServer(uvicorn.Server):
    """A server that writes and prints its address as soon as it answers."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: "Application",
        *,
        url: str,
        data_dir: Path,
        began: float,
        starting: FileLock,
        selection: "Selection",
    ) -> None:
        super().__init__(config)
        self._app = app
        self._selection = selection
        self._url, self._data_dir, self._began, self._starting = url, data_dir, began, starting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            address = json.dumps({"url": self._url, "pid": os.getpid()})
            write_private(self._data_dir / ADDRESS_FILE, address)
            self._starting.release()
            self._greet()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        (self._data_dir / ADDRESS_FILE).unlink(missing_ok=True)
        self._app.stop_streams()
        await super().shutdown(sockets)

    def _greet(self) -> None:
        soma = str(Path(sys.argv[0]).resolve() if Path(sys.argv[0]).name == "soma" else "soma")
        if self._data_dir != default_data_dir():
            soma = f"SOMA_DATA_DIR={shlex.quote(str(self._data_dir))} {soma}"
        click.echo(f"Soma answers at {self._url} after {time.time() - self._began:.1f} s. In another terminal:")
        click.echo(f'  talk to it      {soma} chat "what is 23*19 + 7?"')
        click.echo(f"  see why         {soma} trace")
        click.echo(f"  all commands    {soma} --help")
        click.echo(f"The model that answers is {self._selection}.")
        for unused in self._selection.unused:
            click.echo(f"{unused}.")
        click.echo(f"Your token is in {self._data_dir / TOKEN_FILE}, all data beside it. Ctrl-C stops the server.")
        sys.stdout.flush()


class SettingOption(click.Option):
    """An option whose default is the setting of the same name."""

    def get_default(self, ctx: click.Context, call: bool = True) -> Any:  # noqa: ARG002, FBT001, FBT002 - click's
        return getattr(read_settings(), str(self.name))


@click.command()
@click.option("--host", cls=SettingOption, show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    cls=SettingOption,
    type=click.IntRange(1, 65_535),
    show_default=True,
    help="Port; if it is busy, the next free one of ten.",
)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="warning", show_default=True
)
def command(host: str, port: int, log_level: str) -> None:
    """Start the server on this machine: agent, brain and memory in one process."""
    began = _process_start()
    if refused := find_not_built(os.environ):
        fail(refused)
    chosen = read_settings()
    if not chosen.brain_url:
        check_brain_settings(chosen.data_dir)
    for warning in unknown_settings(os.environ):
        errors.print(f"[yellow]soma:[/yellow] {warning}", soft_wrap=True)
    try:
        chosen.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        _refuse_a_second(chosen.data_dir)
        # Held until the server answers or ends; other commands wait for it.
        starting = FileLock(chosen.data_dir / STARTING_FILE, wait=True)
    except OSError as error:
        fail(f"the data folder {chosen.data_dir} cannot be made or used: {reason_of(error)}")
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("django.request").setLevel(logging.ERROR)  # the caller is told of its own mistakes
    selection = _select_model(chosen)
    listening = _listen(host, port)
    from soma.agent.asgi import Application  # noqa: PLC0415 - heavy: Django, the brain, the model

    name, number = listening.getsockname()[:2]
    app = Application(chosen, host=host)
    if not is_loopback(host):
        errors.print(f"[yellow]soma:[/yellow] {EXPOSED.format(address=host)}", soft_wrap=True)
    config = _config(app, chosen, log_level)
    url = _url(name, number)
    server = AnnouncingServer(
        config, app, url=url, data_dir=chosen.data_dir, began=began, starting=starting, selection=selection
    )
    with suppress(KeyboardInterrupt):  # Ctrl-C is how it is stopped; uvicorn raises it again when all is closed
        server.run(sockets=[listening])
    if not server.started:
        sys.exit(1)


def _config(app: Any, chosen: Settings, log_level: str) -> uvicorn.Config:
    limits = ConnectionLimits(
        connections=chosen.max_connections, head_seconds=chosen.head_seconds, body_seconds=chosen.body_seconds
    )
    allow_files(chosen.max_connections)
    return uvicorn.Config(
        app, log_level=log_level, access_log=False, http=make_protocol(limits), ws="websockets-sansio",
        ws_max_size=chosen.max_body_bytes, timeout_keep_alive=chosen.keep_alive_seconds, timeout_graceful_shutdown=3,
        lifespan="on",
    )  # fmt: skip


def _url(host: str, port: int) -> str:
    """The URL by which this machine reaches the server, also if it listens on every address."""
    if host in EVERYWHERE:
        host = EVERYWHERE[host]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _select_model(chosen: Settings) -> "Selection":
    """Select the model that will answer; end the command if the settings allow none."""
    from soma.agent.llm.base import ModelError  # noqa: PLC0415 - heavy
    from soma.agent.llm.choose import select_default  # noqa: PLC0415 - heavy

    try:
        return select_default(chosen)
    except ModelError as error:
        fail(str(error))


def _refuse_a_second(data_dir: Path) -> None:
    """End the command if another process runs in the data folder. The agent itself holds this lock later."""
    if is_locked(data_dir / LOCK_FILE):
        place = running_address(data_dir)
        where = f" at {place}" if place else ""
        fail(f"Soma is already running in {data_dir}{where}: use that, stop it, or set SOMA_DATA_DIR to another folder")


def _listen(host: str, port: int) -> socket.socket:
    try:
        return bind_free_port(
            host,
            port,
            on_busy=lambda busy: errors.print(f"[yellow]soma:[/yellow] port {busy} is busy, trying {busy + 1}"),
        )
    except CannotListen as error:
        return fail(f"{error}: choose another with --host or --port")


def _process_start() -> float:
    """The start of this process in seconds since the epoch; now, if the system does not say."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
        boot = time.time() - float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return time.time()
    return boot + ticks / os.sysconf("SC_CLK_TCK")
