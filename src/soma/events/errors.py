"""Errors of the log.

LogError
├── WriterBusy          the queue is full: the caller should come back later
├── WriteFailed         the database takes no writes now: locked, full or away
├── WriteRefused        the database takes writes, but not this one: a second try changes nothing
│   └── FactUnfit       what was to be recorded could not be read again
├── ReadFailed          the database did not answer a question
└── ChainBroken         stored events do not hash to what they claim
"""


class LogError(Exception):
    code = "log_failed"


class WriterBusy(LogError):
    """Too many writes are waiting; try again in a moment."""

    code = "busy"


class WriteFailed(LogError):
    """The database did not take the write (locked, full or away); nothing of it was kept."""

    code = "storage_unavailable"


class WriteRefused(LogError):
    """The database does not take what was to be written; nothing of it was kept, and the same is refused again."""

    code = "write_refused"


class FactUnfit(WriteRefused):
    """A fact to be recorded has values of the wrong type; nothing of it was kept."""

    code = "fact_unfit"


class ReadFailed(LogError):
    """The database did not answer (locked or away)."""

    code = "storage_unavailable"


class ChainBroken(LogError):
    """The event does not hash to what the log says: it was changed after it was written."""

    code = "chain_broken"
