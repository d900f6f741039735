"""`soma up` that ends itself right after the first commit of the event named in CRASH_AFTER, as kill -9 would.

Run as a script in place of `soma up`: the product has no such switch.
"""

import os
import signal

import uvicorn

from soma.agent.asgi import Application
from soma.agent.settings import settings


def crash(event_type: str) -> None:
    if event_type == os.environ["CRASH_AFTER"]:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    uvicorn.run(
        Application(settings(), crash=crash),
        port=settings().port,
        ws="websockets-sansio",
        lifespan="on",
        log_level="warning",
    )
