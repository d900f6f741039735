"""The brain in a process of its own: `python -m soma.brain` serves it on SOMA_BRAIN_PORT and locks the data folder."""

import argparse
import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
import uvloop
from pydantic import ValidationError

from soma.brain.root import DatabaseUnavailable, RedisUnavailable, open_brain
from soma.brain.settings import BrainSettings
from soma.brain.settings.errors import describe_fault, find_unknown
from soma.brain.settings.not_built import find_not_built
from soma.memory.errors import EmbedderUnavailable, VectorsUnavailable
from soma.process.connections import ConnectionLimits, allow_files, make_protocol
from soma.process.locks import FileInUse, FileLock
from soma.process.ports import CannotListen, bind_free_port

BACKLOG = 2_048


class FolderInUse(RuntimeError):
    """Another process holds the data folder."""


# Errors that keep a brain from starting and are mended outside of it: printed in one line.
UNABLE = (FolderInUse, DatabaseUnavailable, RedisUnavailable, EmbedderUnavailable, VectorsUnavailable, OSError)


def lock(folder: Path) -> FileLock:
    """Hold the data folder: two processes that append to one SQLite file would break its chains."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return FileLock(folder / "brain.lock")
    except FileInUse as error:
        raise FolderInUse(f"{folder} is in use by process {error.holder or 'unknown'}") from None


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket at `port` or, where that is busy, at the next free one."""
    try:
        listening = bind_free_port(host, port, on_busy=_warn_busy)
    except CannotListen as error:
        raise CannotListen(f"{error}; set SOMA_BRAIN_HOST and SOMA_BRAIN_PORT") from error
    listening.listen(BACKLOG)  # from here on a caller waits instead of being refused
    return listening


def _warn_busy(port: int) -> None:
    print(f"port {port} is busy", file=sys.stderr)  # noqa: T201 - said to who started it


def calm_collector() -> None:
    """States and answers are trees without cycles: looking for garbage in them cost half of the learning, measured."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def serve(settings: BrainSettings) -> None:
    listening = listen(settings.host, settings.port)
    async with open_brain(settings) as opened:
        calm_collector()
        limits = ConnectionLimits(
            connections=settings.max_connections,
            head_seconds=settings.head_seconds,
            body_seconds=settings.body_seconds,
        )
        allow_files(settings.max_connections)
        config = uvicorn.Config(
            opened.app, log_level="warning", access_log=False, lifespan="off", proxy_headers=False,
            http=make_protocol(limits), timeout_keep_alive=settings.keep_alive_seconds,
        )  # fmt: skip
        host, port = listening.getsockname()[:2]
        print(f"soma brain at http://{host}:{port}", flush=True)  # noqa: T201 - said to who started it
        await _Server(config).serve(sockets=[listening])


class _Server(uvicorn.Server):
    """Ends at a signal without raising it again, as uvicorn does, before the brain is closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def main() -> None:
    if refused := find_not_built(os.environ):
        sys.exit(f"soma brain: {refused}")
    for mistaken in find_unknown(os.environ):
        print(f"soma brain: {mistaken}", file=sys.stderr)  # noqa: T201 - said to who started it
    try:
        settings = BrainSettings()
        with lock(settings.data_dir), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings))
    except ValidationError as error:
        sys.exit(f"soma brain: {describe_fault(error)}")
    except UNABLE as error:
        sys.exit(f"soma brain: {' '.join(str(error).split())}")


def refuse_arguments() -> None:
    """Refuse arguments and answer --help before anything starts: all that can be set is a setting."""
    settings = "Its settings are environment variables, described in docs/configuration.md."
    argparse.ArgumentParser(prog="python -m soma.brain", description=__doc__, epilog=settings).parse_args()


if __name__ == "__main__":
    refuse_arguments()
    main()
