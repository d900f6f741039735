"""What can go wrong with the log.

LogError
├── WriterBusy          the queue is full: the caller should come back later
├── WriteFailed         the database refused the commit: nothing of it was kept
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


class ReadFailed(LogError):
    """The database did not answer (locked or away)."""

    code = "storage_unavailable"


class ChainBroken(LogError):
    """The event does not hash to what the log says: it was changed after it was written."""

    code = "chain_broken"
