"""Change documents in copies of a database file, in processes that die after one commit, after two, and so on.

`python -m tests.memory.documents.change_until_killed FILE FOLDER WORDS`, where WORDS are `forget NAME ...` or
`import NAME COLLECTION ORIGIN TEXT`. Each copy in FOLDER has the number of commits as its name; the last came to its
end. Run by test_killed; it imports everything once, and each process is a fork of it.
"""

import asyncio
import os
import shutil
import sys

from soma.events.database import Database
from soma.events.writer import Writer
from soma.memory.documents.importing import Chunking, NewDocument
from soma.memory.embedders.hashing import HashingEmbedder
from soma.memory.memory import Memory
from soma.memory.types import Owner

DIED = 9
MOST_COMMITS = 10
CHUNKING = Chunking(budget=30, count=lambda text: len(text.split()))
ALICE = Owner(tenant_id="acme", user_id="alice", agent_id="soma")


class Dying(Writer):
    """A writer whose process ends after so many commits."""

    commits_left = 0

    def _commit(self, group) -> None:
        super()._commit(group)
        self.commits_left -= 1
        if not self.commits_left:
            os._exit(DIED)


async def change(url: str, commits: int, verb: str, *words: str) -> None:
    writer = Dying(Database(url))
    writer.commits_left = commits
    writer.start()
    memory = Memory(writer, HashingEmbedder(64))
    if verb == "forget":
        there = {one.name: one.id for one in await memory.documents(ALICE)}
        await memory.forget_documents(ALICE, [there[name] for name in words])
    else:
        name, collection, origin, text = words
        document = NewDocument(name=name, text=text, format="markdown", collection=collection, origin=origin)
        await memory.import_document(ALICE, document, CHUNKING)
    memory.close()
    writer.close()


def main(file: str, folder: str, *words: str) -> None:
    for commits in range(1, MOST_COMMITS):
        copy = shutil.copy(file, f"{folder}/{commits}")
        if not (child := os.fork()):
            asyncio.run(change(f"sqlite:///{copy}", commits, *words))
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != DIED:
            sys.exit(status)
    sys.exit("it makes more commits than that")


if __name__ == "__main__":
    main(*sys.argv[1:])
