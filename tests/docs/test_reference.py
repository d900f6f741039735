"""The tables of the reference name what the code has: every view with its weight, every event."""

import re
from pathlib import Path

from soma.events.facts.registry import KINDS
from soma.memory.views import VIEWS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_lists_every_view_with_its_weight():
    page = (DOCS / "reference" / "memory.md").read_text("utf-8")
    table = page[page.index("| view | weight |") :].partition("\n\n")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?: \(\w+\))?(?:, )?)+) \| ([-\d., ]+) \|", table, re.MULTILINE)
    shown = {
        name: float(weight)
        for names, weights in rows
        for name, weight in zip(re.findall(r"`(\w+)`", names), _weights(weights, names), strict=True)
    }
    assert shown == {name: view.weight for name, view in VIEWS.items()}


def _weights(text: str, names: str) -> list[str]:
    return re.split(", *", text.strip()) if names.count("`") > 2 else [text]


def test_the_page_of_events_names_every_event():
    page = (DOCS / "events.md").read_text("utf-8")
    table = page[page.index("| type | when |") :].partition("\n\n")[0]
    named = {name for row in table.splitlines() for name in re.findall(r"`([a-z]+\.[a-z_]+)`", row.split(" | ")[0])}
    assert named == {fact.event_type for fact in KINDS}
