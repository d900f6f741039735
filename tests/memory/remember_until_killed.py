"""Remember notes into the database named on the command line; each acknowledged key is a line. Run by test_killed."""

import asyncio
import sys

from soma.events.database import Database
from soma.events.writer import Writer
from soma.memory.embedders.hashing import HashingEmbedder
from soma.memory.memory import Memory
from soma.memory.types import NewMemory, Owner

AT_ONCE = 20


class Named(HashingEmbedder):
    """Fast vectors under the name of the real model, so that the restarted memory takes them for its own."""

    def __init__(self) -> None:
        from soma.memory.embedders.minilm import MiniLM

        super().__init__(MiniLM.dimension)
        self.name = MiniLM.name
        self.late_dimension = MiniLM.late_dimension


async def main(url: str, count: int) -> None:
    writer = Writer(Database(url))
    writer.start()
    memory = Memory(writer, Named())
    who = Owner(tenant_id="acme", user_id="alice", agent_id="soma")

    async def tell(number: int) -> None:
        for own in range(number, count, AT_ONCE):
            key = f"key{own}"
            await memory.remember(who, [NewMemory(text=f"note {key}", key=key, conversation_id=f"c{own % 50}")])
            sys.stdout.write(f"{key}\n")
            sys.stdout.flush()

    await asyncio.gather(*(tell(number) for number in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
