"""A document is dated by what it says itself: front matter, a line near its top, its name; never by its file."""

from datetime import date

import pytest

from soma.memory.documents.blocks import markdown
from soma.memory.documents.dates import find_date
from soma.memory.documents.days import days_of


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
        ("Anna Lund\nMill Lane 4\nHull, Thursday 9 May 2024\n\nDear Jo,", "a.txt", date(2024, 5, 9)),
        ("Le Havre, le 9 mai 2024\nCher Jo,\n", "a.txt", date(2024, 5, 9)),
        ("9. Mai 2024\n\nText", "a.txt", date(2024, 5, 9)),
        ("# Launch\n\nStatus: changed\nFirst decided: 2024-05-09\n", "a.md", date(2024, 5, 9)),
        ("Protokoll vom 9. Mai 2024\n\nNächste Sitzung 16. Mai 2024\n", "a.txt", date(2024, 5, 9)),
        ("# Minutes of 9 May 2024\n\nNext meeting 16 May 2024\n", "a.md", date(2024, 5, 9)),
        ("Minutes\n2024-05-09\nNext meeting: 2024-06-09\n", "a.txt", date(2024, 5, 9)),
        ("# Stock\n\nDate: 2024-05-09\n\nid,item,bought\n1,drill,2024-03-11\n", "a.md", date(2024, 5, 9)),
    ],
)
def test_front_matter_dates_first_then_a_line_near_the_top_then_the_name(text: str, name: str, day: date) -> None:
    assert find_date(text, name) == day


@pytest.mark.parametrize(
    "text",
    [
        "No date at all.",
        "Closed from 1 May 2024 to 9 May 2024\n",
        "Last year, on 9 May 2024, the harbour master came and told all of us to leave the pier at once.",
        "# House\n\nThe dishwasher has a warranty until 30 June 2028.\n",
        "# Warranty until 30 June 2028\n",
        "2024-13-45",
        "| 2024-05-09 | high water |\n|---|---|\n",
        "# Stock\n\nid,item,bought\n1,drill,2024-03-11\n2,saw,2026-06-30",
        "# Stock\n\nid,item,bought\n1,drill,2024-03-11",
        "item; shelf; bought\ndrill; B3; 2024-03-11\n",
        "item, bought, by\ndrill, 2024-03-11, Ann\n",
        "1,drill,2024-03-11\n2,saw,2026-06-30\n",
        "drill\tB3\t2024-03-11\nsaw\tB4\n",
        "item      bought\ndrill     11 March 2024\n",
        "item | bought\n--- | ---\ndrill | 2024-03-11\n",
        "Birthdays\nPriya 3 May 1985\nMirela 29 October 1990\n",
        "Birthdays\n\nPriya 3 May 1985\n\nMirela 29 October 1990\n",
        "2024-03-11 bought a drill\n2026-06-30 bought a saw\n",
        "2024-03-11\n2026-06-30\n",
        "# Tools\n\n+ drill 2024-03-11\n",
        "# Tools\n\n1. drill 2024-03-11\n2. saw\n",
        "# Tools\n\n- drill\n  bought 2024-03-11\n",
        "Name: Jonas\nBorn: 3 May 1985\nTeam: gateways\n",
        '{"id": 1, "date": "2024-03-11"}\n{"id": 2, "date": "2026-06-30"}\n',
        "# Log\n\n```\n2024-03-11\n```\n",
    ],
)
def test_a_span_a_story_a_row_and_what_is_no_day_date_nothing(text: str) -> None:
    assert find_date(text, "notes.md") is None


SECTIONS = "## 2026-01-12\n\nBlue.\n\n## 2026-04-20\n\nGreen.\n\n## 2026-09-07\n\nRed.\n"


def days(text: str, *headings: tuple[str, ...], name: str = "notes.md") -> list[date | None]:
    found = days_of(text, name, markdown(text))
    return [found.own, *map(found.day_of, headings)]


def test_a_section_is_dated_by_its_own_heading_and_never_dates_the_document() -> None:
    told = [("2026-01-12",), ("2026-04-20",), ("2026-09-07",)]
    of_each = [date(2026, 1, 12), date(2026, 4, 20), date(2026, 9, 7)]
    assert days(SECTIONS, *told, ()) == [None, *of_each, None]
    below = [("Decisions", *heading) for heading in told]
    assert days(f"# Decisions\n\n{SECTIONS}", *below) == [None, *of_each]
    assert days(SECTIONS, ("2026-09-07",), ("Other",), name="2025-02-02.md") == [
        date(2025, 2, 2), date(2026, 9, 7), date(2025, 2, 2),
    ]  # fmt: skip


def test_a_line_under_the_heading_of_a_section_does_not_date_the_document() -> None:
    assert days("# Log\n\n## Budget\n\nDate: 2026-01-12\n\n## Roof\n\nDate: 2026-04-20\n") == [None]


def test_the_innermost_heading_with_a_day_dates_what_is_below_it() -> None:
    outer, inner = "Week of 2026-01-12", "Friday, 16 January 2026"
    text = f"# Log\n\n## {outer}\n\none\n\n### {inner}\n\ntwo\n\n### Roof\n\nthree\n"
    assert days(text, ("Log", outer), ("Log", outer, inner), ("Log", outer, "Roof")) == [
        None, date(2026, 1, 12), date(2026, 1, 16), date(2026, 1, 12),
    ]  # fmt: skip


def test_front_matter_goes_before_the_title_and_the_heading_of_a_section_before_both() -> None:
    text = "---\ndate: 2026-03-14\n---\n# Plan for 1 May 2026\n\ntext\n\n## 2 May 2026\n\nmore\n"
    title = "Plan for 1 May 2026"
    assert days(text, (title,), (title, "2 May 2026")) == [date(2026, 3, 14)] * 2 + [date(2026, 5, 2)]


def test_a_line_below_the_title_dates_the_document_and_its_sections() -> None:
    text = "# Minutes\n\nDate: 2026-01-12\n\n## Budget\n\none\n\n## Roof\n\ntwo\n"
    assert days(text, ("Minutes", "Roof")) == [date(2026, 1, 12)] * 2


def test_front_matter_goes_before_a_title_that_stands_alone() -> None:
    title = "Plan for 1 May 2026"
    assert days(f"---\ndate: 2026-03-14\n---\n# {title}\n\ntext\n", (title,)) == [date(2026, 3, 14)] * 2
