"""Ids are ordered whatever clock and threads do; stamps have one form."""

import itertools
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import RFC_4122, UUID

import pytest

from soma.events import ids
from soma.events.ids import new_id, now

SECOND = 1_000_000_000
NOON = 1_795_176_000 * SECOND
THREADS, EACH = 4, 2_000


@pytest.fixture
def set_clock(monkeypatch) -> Callable[[int], None]:
    """A clock that stands still; no id was made before."""
    monkeypatch.setattr(ids, "_last", 0)
    return lambda ns: monkeypatch.setattr(ids, "time", SimpleNamespace(time_ns=lambda: ns))


def order_of(name: str) -> int:
    """The 60 bits of it that are no randomness."""
    value = UUID(name).int
    return value >> 80 << 12 | value >> 64 & 0xFFF


def test_an_id_is_a_uuid_of_version_7_that_begins_with_its_millisecond(set_clock):
    set_clock(NOON + 123_456_789)
    made = [UUID(new_id()) for _ in range(1_000)]
    assert {(each.version, each.variant) for each in made} == {(7, RFC_4122)}
    assert made[0].int >> 80 == (NOON + 123_456_789) // 1_000_000
    assert len({each.int & (1 << 62) - 1 for each in made}) == len(made)


def test_ids_increase_while_the_clock_stands_and_when_it_is_set_back(set_clock):
    made = []
    for at in (NOON, NOON, NOON - 3_600 * SECOND, NOON - 1, NOON + 1, NOON + 300, NOON + SECOND):
        set_clock(at)
        made += [new_id() for _ in range(3)]
    assert made == sorted(made)
    assert all(order_of(one) < order_of(other) for one, other in itertools.pairwise(made))


def test_no_two_threads_take_the_same_place(set_clock):
    set_clock(NOON)
    made: list[list[str]] = []
    begin = threading.Barrier(THREADS)

    def make() -> None:
        begin.wait()
        made.append([new_id() for _ in range(EACH)])

    threads = [threading.Thread(target=make) for _ in range(THREADS)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # they meet within an id
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert all(some == sorted(some) for some in made)
    assert len({order_of(each) for some in made for each in some}) == THREADS * EACH


def test_an_id_is_greater_than_what_another_thread_made_before(set_clock):
    set_clock(NOON)
    made: list[str] = []
    for _ in range(10):
        thread = threading.Thread(target=lambda: made.append(new_id()))
        thread.start()
        thread.join()
        made.append(new_id())
    assert all(order_of(one) < order_of(other) for one, other in itertools.pairwise(made))


@pytest.mark.parametrize("microseconds", [0, 1, 90, 100_000, 999_999])
def test_now_has_six_digits_of_microseconds_and_names_utc(set_clock, microseconds):
    set_clock(NOON + microseconds * 1_000 + 999)
    expected = datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(microseconds=microseconds)
    assert now() == f"2026-11-20T12:00:00.{microseconds:06d}+00:00"
    assert datetime.fromisoformat(now()) == expected


def test_now_is_of_its_own_second_across_a_change_of_it(set_clock):
    stamps = []
    for at in (NOON - 1, NOON, NOON + SECOND - 1, NOON + SECOND, NOON - 1):
        set_clock(at)
        stamps.append(now())
    assert stamps == [
        "2026-11-20T11:59:59.999999+00:00",
        "2026-11-20T12:00:00.000000+00:00",
        "2026-11-20T12:00:00.999999+00:00",
        "2026-11-20T12:00:01.000000+00:00",
        "2026-11-20T11:59:59.999999+00:00",
    ]
