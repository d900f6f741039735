"""A document is dated by what it says itself: front matter, a line near its top, its name; never by its file."""

from datetime import date

import pytest

from soma.memory.documents.dates import dated


@pytest.mark.parametrize(
    ("text", "name", "day"),
    [
        ("---\ntitle: Tides\ndate: 2024-02-03\n---\n# Tides\n\n1 May 2020\n", "2019-01-01.md", date(2024, 2, 3)),
        ("+++\ndate = 2024-02-03\n+++\nText.", "a.md", date(2024, 2, 3)),
        ("# Minutes\n\nHull, 9 May 2024\n\nWe met.", "2019-01-01.md", date(2024, 5, 9)),
        ("Protokoll vom 9. Mai 2024\n\nText", "a.md", date(2024, 5, 9)),
        ("# Compte rendu\n\n1er juin 2024", "a.md", date(2024, 6, 1)),
        ("Acta del 9 de mayo de 2024\n", "a.txt", date(2024, 5, 9)),
        ("Updated: May 9, 2024\nText", "a.txt", date(2024, 5, 9)),
        ("# Weekly\n\nText without any.", "minutes/2024-05-09-weekly.md", date(2024, 5, 9)),
        ("Text", "20240509 weekly.md", date(2024, 5, 9)),
    ],
)
def test_front_matter_dates_first_then_a_line_near_the_top_then_the_name(text: str, name: str, day: date) -> None:
    assert dated(text, name) == day


@pytest.mark.parametrize(
    "text",
    [
        "No date at all.",
        "Closed from 1 May 2024 to 9 May 2024\n",
        "Last year, on 9 May 2024, the harbour master came and told all of us to leave the pier at once.",
        "# House\n\nThe dishwasher has a warranty until 30 June 2028.\n",
        "2024-13-45",
        "| 2024-05-09 | high water |\n|---|---|\n",
    ],
)
def test_a_span_a_story_a_row_and_what_is_no_day_date_nothing(text: str) -> None:
    assert dated(text, "notes.md") is None
