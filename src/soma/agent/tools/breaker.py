"""Circuit breakers of tools, one for each tenant and tool. Pure: the clock is the caller's.

Closed until `FAILURES` in a row, then open for `COOL_DOWN_SECONDS`; then one probe decides.
"""

from dataclasses import dataclass
from typing import Literal

FAILURES = 5
COOL_DOWN_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """The state of one breaker; each verb returns the next. `probe_at` is when the probe that is still out began."""

    failures: int = 0
    opened_at: float | None = None
    probe_at: float | None = None

    def state(self, now: float) -> Literal["closed", "open", "half_open"]:
        if self.opened_at is None:
            return "closed"
        return "half_open" if now - self.opened_at >= COOL_DOWN_SECONDS else "open"

    def allows(self, now: float) -> bool:
        """Return whether a call may begin. A probe that never came back counts as lost after another cool-down."""
        match self.state(now):
            case "closed":
                return True
            case "open":
                return False
            case "half_open":
                return self.probe_at is None or now - self.probe_at >= COOL_DOWN_SECONDS

    def begin(self, now: float) -> "Breaker":
        if self.state(now) != "half_open":
            return self
        return Breaker(failures=self.failures, opened_at=self.opened_at, probe_at=now)

    def succeed(self) -> "Breaker":
        return Breaker()

    def fail(self, now: float) -> "Breaker":
        failures = self.failures + 1
        return Breaker(failures=failures, opened_at=now if failures >= FAILURES else None)


class Breakers:
    """The breakers of a process; only those with failures are kept."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], Breaker] = {}

    def try_begin(self, tenant_id: str, tool: str, now: float) -> bool:
        """Return whether a call may begin, and if so, note that it begins."""
        breaker = self._open.get((tenant_id, tool))
        if breaker is None:
            return True
        allowed = breaker.allows(now)
        if allowed:
            self._open[tenant_id, tool] = breaker.begin(now)
        return allowed

    def record_success(self, tenant_id: str, tool: str) -> None:
        self._open.pop((tenant_id, tool), None)

    def record_failure(self, tenant_id: str, tool: str, now: float) -> None:
        self._open[tenant_id, tool] = self._open.get((tenant_id, tool), Breaker()).fail(now)
