"""Every requirement names code and tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "requirements.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([A-Z]+-\d{3}) \| (.+?) \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
IDS = [
    "ARCH-001",
    "ARCH-002",
    "LEARN-001",
    "LEARN-002",
    "LEARN-003",
    "RLM-001",
    "RLM-002",
    "TOOL-001",
    "TOOL-002",
    "TOOL-003",
    "TOOL-004",
    "AUTH-001",
    "AUTH-002",
    "PERSIST-001",
    "PERSIST-002",
    "REPLAY-001",
    "REPLAY-002",
    "REVERSE-001",
    "REVERSE-002",
    "TRACE-001",
    "METRICS-001",
    "OBSERV-001",
]


def test_every_requirement_of_the_plan_has_its_row():
    assert [row[0] for row in ROWS] == IDS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_requirement_names_code_and_tests_that_exist(row):
    _, _, code, tests = row
    for column in (code, tests):
        paths = re.findall(r"`([^`]+)`", column)
        assert paths, f"nothing is named in {column!r}"
        for path in paths:
            assert (ROOT / path).is_file(), path
