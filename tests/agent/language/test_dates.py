"""Relative dates against the day on which they were said, a Monday."""

from datetime import date

import pytest

from soma.agent.language.dates import date_of, find_date

MONDAY = date(2023, 5, 8)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("I went yesterday.", "7 May 2023"),
        ("we met last night", "7 May 2023"),
        ("the day before yesterday", "6 May 2023"),
        ("off to Rome tomorrow", "9 May 2023"),
        ("I ran today", "8 May 2023"),
        ("three days ago", "5 May 2023"),
        ("10 days ago", "28 April 2023"),
        ("2 weeks ago", "the week of 24 April 2023"),
        ("a month ago", "April 2023"),
        ("six months ago", "November 2022"),
        ("two years ago", "2021"),
        ("a few days ago", "a few days before 8 May 2023"),
        ("in two weeks", "the week of 22 May 2023"),
        ("last Saturday", "Saturday, 6 May 2023"),
        ("last Monday", "Monday, 1 May 2023"),
        ("next Monday", "Monday, 15 May 2023"),
        ("this Friday", "Friday, 12 May 2023"),
        ("on Sunday", "Sunday, 7 May 2023"),
        ("last week", "the week before 8 May 2023"),
        ("next week", "the week after 8 May 2023"),
        ("this past weekend", "the weekend before 8 May 2023"),
        ("last month", "April 2023"),
        ("next month", "June 2023"),
        ("last year", "2022"),
        ("this year", "2023"),
        ("last summer", "summer 2022"),
        ("on 3 July 2023 we met", "3 July 2023"),
        ("July 3rd, 2023", "July 3rd, 2023"),
        ("since 2016", "2016"),
        ("nothing of the kind", None),
        ("I may go", None),
        ("999 years ago", "1024"),
    ],
)
def test_the_date_that_is_meant(text: str, when: str | None) -> None:
    found = find_date(text, MONDAY)
    assert (found.text if found else None) == when


def test_across_the_turn_of_the_year() -> None:
    found = find_date("last month", date(2023, 1, 2))
    assert found is not None
    assert found.text == "December 2022"


def test_without_the_day_said_only_explicit_dates_count() -> None:
    assert find_date("yesterday", None) is None
    assert find_date("in 2022", None) is not None


@pytest.mark.parametrize("text", ["", None, "soon", "2023-13-45"])
def test_a_date_that_is_none_is_none(text: str | None) -> None:
    assert date_of(text) is None


@pytest.mark.parametrize(
    ("text", "said", "day"),
    [
        ("The concert will be on Saturday.", "2025-03-03", "Saturday, 8 March 2025"),
        ("The parcel arrives on Thursday.", "2025-03-03", "Thursday, 6 March 2025"),
        ("We met on Saturday.", "2025-03-03", "Saturday, 1 March 2025"),
        ("It is due this Friday.", "2025-03-07", "Friday, 7 March 2025"),
        ("We are away from 3 to 5 June.", "2025-03-07", "3 to 5 June"),
        ("Grandpa was born on 5/6/1940.", "2025-03-07", "5/6/1940"),
    ],
)
def test_what_is_to_come_lies_ahead_and_a_span_is_told_whole(text: str, said: str, day: str) -> None:
    found = find_date(text, date.fromisoformat(said))
    assert found is not None
    assert found.text == day


def test_what_is_no_day_of_the_calendar_is_no_date() -> None:
    assert find_date("The code is 2025-13-45.", date(2025, 3, 7)) is None
