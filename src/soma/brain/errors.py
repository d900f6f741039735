"""Errors of the brain.

BrainError
├── BrainUnavailable    the world's: no connection, a time-out, an answer of 5xx; retry later, go on degraded
└── BrainRefused        the caller's: an answer of 4xx; `code` says what is wrong, `field` where
"""


class BrainError(Exception):
    code = "brain_failed"


class BrainUnavailable(BrainError):
    """The brain did not answer; the call may or may not have been carried out, and repeating it is safe."""

    code = "brain_unavailable"

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        super().__init__(message or BrainUnavailable.__doc__)
        self.code = code or self.code


class BrainRefused(BrainError):
    """The brain does not take this request; repeating it changes nothing, except for a 429 after `retry_after`."""

    def __init__(
        self,
        code: str,
        message: str,
        field: str | None = None,
        status: int = 422,
        *,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.status = status
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[object, ...]:
        """Keep all fields across processes: an exception is rebuilt from its message alone otherwise."""
        return _rebuild, (self.code, self.message, self.field, self.status, self.retry_after)


def _rebuild(code: str, message: str, field: str | None, status: int, retry_after: float | None) -> BrainRefused:
    return BrainRefused(code, message, field, status, retry_after=retry_after)
