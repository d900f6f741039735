"""Dates and times in words, in one zone."""

import pytest

from soma.agent.language.moments import date_in_words, now_in_words, server_zone, zone_of
from soma.agent.settings import Settings

NOON = "2026-05-03T12:05:59.000000+00:00"


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("UTC", "It is now Sunday, 3 May 2026, 12:05, UTC."),
        ("Europe/Berlin", "It is now Sunday, 3 May 2026, 14:05, Europe/Berlin (UTC+02:00)."),
        ("UTC+0545", "It is now Sunday, 3 May 2026, 17:50, UTC+05:45."),
        ("Pacific/Auckland", "It is now Monday, 4 May 2026, 00:05, Pacific/Auckland (UTC+12:00)."),
    ],
)
def test_the_time_of_a_message_is_told_in_its_zone(zone, words):
    assert now_in_words(NOON, zone) == words


def test_what_was_said_is_dated_to_the_minute_and_a_day_to_the_day_in_any_zone():
    assert date_in_words(NOON, "Europe/Berlin", was_said=True) == "said on 3 May 2026 at 14:05"
    assert date_in_words(NOON, "Europe/Berlin", was_said=False) == "of 3 May 2026 at 14:05"
    assert date_in_words("2026-05-03T00:00:00.000007+00:00", "America/Lima", was_said=False) == "of 3 May 2026"
    assert date_in_words("2026-05-03", "America/Lima", was_said=False) == "of 3 May 2026"
    assert date_in_words("spring 2026", "America/Lima", was_said=False) == "of spring 2026"
    assert date_in_words(None, "UTC", was_said=True) is None


def test_a_zone_that_is_none_is_refused_and_the_machines_own_is_known():
    with pytest.raises(ValueError, match="unknown time zone 'Mars/Olympus'"):
        Settings(timezone="Mars/Olympus")
    assert zone_of(server_zone()) is not None
    assert Settings().zone == server_zone()
