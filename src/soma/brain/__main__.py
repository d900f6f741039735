"""The brain apart: `python -m soma.brain` serves it on SOMA_BRAIN_PORT, with the data folder locked for itself."""

import argparse
import asyncio
import fcntl
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
from soma.brain.settings.errors import told, unknown
from soma.brain.settings.not_built import not_built
from soma.memory.errors import ModelUnavailable, VectorsUnavailable
from soma.process.connections import ConnectionLimits, allow_files, bounded

PORTS_TRIED = 10
BACKLOG = 2_048


class FolderInUse(RuntimeError):
    """Another process holds the data folder."""


# What keeps a brain from starting and is mended outside of it: told in one line.
UNABLE = (FolderInUse, DatabaseUnavailable, RedisUnavailable, ModelUnavailable, VectorsUnavailable, OSError)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the data folder: two processes that append to one SQLite file would break its chains."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "brain.lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise FolderInUse(f"{folder} is in use by process {file.read().strip() or 'unknown'}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def bound(host: str, port: int) -> socket.socket:
    """A listening socket at `port` or, where that is busy, at the next free one."""
    for candidate in range(port, port + PORTS_TRIED):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # The protocol by its name: asyncio's own loop waits 40 ms with a part of an answer where it is not told.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
        except OSError as error:
            listening.close()
            print(f"port {candidate} is busy ({error.strerror})", file=sys.stderr)  # noqa: T201 - said to who started it
            continue
        listening.listen(BACKLOG)  # from here on a caller waits instead of being refused
        return listening
    raise OSError(f"ports {port} to {port + PORTS_TRIED - 1} of {host} are all busy; set SOMA_BRAIN_PORT")


def calm_collector() -> None:
    """States and answers are trees without cycles: looking for garbage in them cost half of the learning, measured."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def serve(settings: BrainSettings) -> None:
    listening = bound(settings.host, settings.port)
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
            http=bounded(limits), timeout_keep_alive=settings.keep_alive_seconds,
        )  # fmt: skip
        host, port = listening.getsockname()[:2]
        print(f"soma brain at http://{host}:{port}", flush=True)  # noqa: T201 - said to who started it
        await _Server(config).serve(sockets=[listening])


class _Server(uvicorn.Server):
    """Ends at a signal, and leaves the rest to us: uvicorn would raise it again before the brain is closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def main() -> None:
    if refused := not_built(os.environ):
        sys.exit(f"soma brain: {refused}")
    for mistaken in unknown(os.environ):
        print(f"soma brain: {mistaken}", file=sys.stderr)  # noqa: T201 - said to who started it
    try:
        settings = BrainSettings()
        with locked(settings.data_dir), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings))
    except ValidationError as error:
        sys.exit(f"soma brain: {told(error)}")
    except UNABLE as error:
        sys.exit(f"soma brain: {' '.join(str(error).split())}")


def refuse_arguments() -> None:
    """It takes none: all that can be set is a setting. Whoever asks for help must not have started a server."""
    settings = "Its settings are environment variables, described in docs/configuration.md."
    argparse.ArgumentParser(prog="python -m soma.brain", description=__doc__, epilog=settings).parse_args()


if __name__ == "__main__":
    refuse_arguments()
    main()
