"""Five failures open, one probe after the cool-down decides."""

from soma.agent.tools.breaker import COOL_DOWN_SECONDS, FAILURES, Breaker, Breakers


def fail_often(times: int, now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(times):
        breaker = breaker.fail(now)
    return breaker


def test_it_stays_closed_below_the_limit_and_a_success_starts_again() -> None:
    assert fail_often(FAILURES - 1).state(0) == "closed"
    assert fail_often(FAILURES - 1).succeed() == Breaker()


def test_it_opens_at_the_limit_until_the_cool_down_ends() -> None:
    breaker = fail_often(FAILURES, now=10)
    assert not breaker.allows(10 + COOL_DOWN_SECONDS - 0.1)
    assert breaker.state(10 + COOL_DOWN_SECONDS) == "half_open"


def test_only_one_probe_is_out_at_a_time() -> None:
    now = COOL_DOWN_SECONDS
    probing = fail_often(FAILURES).begin(now)
    assert not probing.allows(now + 1)
    assert probing.allows(now + COOL_DOWN_SECONDS)


def test_the_probe_decides() -> None:
    probing = fail_often(FAILURES).begin(COOL_DOWN_SECONDS)
    assert probing.succeed().state(COOL_DOWN_SECONDS) == "closed"
    assert probing.fail(COOL_DOWN_SECONDS).state(COOL_DOWN_SECONDS + 1) == "open"


def test_the_failures_of_one_tenant_close_nothing_to_another() -> None:
    breakers = Breakers()
    for _ in range(FAILURES):
        breakers.record_failure("t1", "fetch", 0)
    assert not breakers.try_begin("t1", "fetch", 1)
    assert breakers.try_begin("t2", "fetch", 1)
    assert breakers.try_begin("t1", "clock", 1)
