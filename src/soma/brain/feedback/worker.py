"""A process that reads and learns batches: `python -m soma.brain.feedback.worker`, spoken to over its stdin and stdout.

Knows the database only to look things up; whatever it prepares, its parent commits. It ends when its parent does.
"""

import gc
import os
import pickle
import signal
import struct
import sys
from typing import Any, BinaryIO

from soma.brain.feedback.batch import prepare
from soma.events.database import Database

LENGTH = struct.Struct(">Q")


def send(stream: BinaryIO, value: object) -> None:
    content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    stream.write(LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def receive(stream: BinaryIO) -> Any:
    """Receive the next value. Raises EOFError where the other side is gone."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    return pickle.loads(stream.read(*LENGTH.unpack(head)))  # noqa: S301 - the other end is our own parent


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle: it closes our stdin
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints goes to the log, not between the answers
    questions = sys.stdin.buffer
    url, hyperparameters, digest = receive(questions)
    database = Database(url)
    gc.freeze()
    gc.disable()  # a batch makes trees without cycles: to look for garbage among them took an eighth of the time
    while True:
        try:
            state, batch = receive(questions)
        except EOFError:
            return
        try:
            answer: object = prepare(database, state, hyperparameters, digest, batch)
        except Exception as error:  # noqa: BLE001 - raised again by the parent, to whom it belongs
            answer = error
        send(answers, answer)
        state = batch = answer = None
        gc.collect()  # what an exception left


if __name__ == "__main__":
    main()
