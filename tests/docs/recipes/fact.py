"""The recipe of an event: it is appended to the log, and read back as what it was."""

import msgspec

from soma.events.facts.codec import Subject, draft, fact_of
from soma.events.facts.registry import FACTS
from soma.events.log import Log
from soma.events.writer import Writer


async def test_a_new_fact_goes_to_the_log_and_comes_back(database):
    fact = msgspec.convert({"memory_id": "m"}, FACTS["memory.pinned", 1])
    writer = Writer(database)
    writer.start()
    await writer.write(lambda transaction: transaction.append(draft(fact, Subject(tenant_id="acme", stream="memory"))))
    writer.close()
    [event] = Log(database).read_stream("acme", "memory")
    assert fact_of(event) == fact
