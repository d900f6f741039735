"""Append to the log named on the command line; each acknowledged position is a line. Run by test_wal."""

import sys
import threading
from concurrent.futures import Future

from soma.events import wal
from soma.events.chain import Event
from soma.events.database import Database
from soma.events.facts.codec import Subject, draft
from soma.events.facts.turn import DraftReplaced
from soma.events.transaction import Transaction
from soma.events.writer import Writer

AT_ONCE = 4


def append(tx: Transaction) -> Event:
    subject = Subject(tenant_id="acme", stream="turn:1", conversation_id="c1")
    return tx.append(draft(DraftReplaced(iteration_number=1, reason="test"), subject))


def main(url: str) -> None:
    wal.FROM, wal.LOOK_SECONDS = 20, 0  # the kill finds it copying
    writer = Writer(Database(url))
    writer.start()
    places = threading.Semaphore(AT_ONCE)

    def tell(done: "Future[Event]") -> None:
        sys.stdout.write(f"{done.result().position}\n")
        sys.stdout.flush()
        places.release()

    while places.acquire():
        writer.submit(append).add_done_callback(tell)


if __name__ == "__main__":
    main(sys.argv[1])
