"""Every requirement names code and tests that exist, and is broken on purpose to see its tests fail."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.docs.breaking import Stale, put_in_place
from tests.docs.broken_promises import BROKEN

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


NOT_YET = {"REPLAY-001", "REVERSE-002"}  # the page says so, and names nothing
BROKEN_BY_ITS_TEST = {"ARCH-001"}  # tests/docs/test_contracts.py makes the import itself


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> Any:
    """Outcome of each test, on the code as it is and with each promise broken."""
    file = tmp_path_factory.mktemp("breaking") / "outcomes.json"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ran = subprocess.run(
        [sys.executable, "-m", "tests.docs.breaking", str(file)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert file.exists(), ran.stdout + ran.stderr
    return json.loads(file.read_text())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_requirement_names_code_and_tests_that_exist(row):
    number, _, code, tests = row
    if number in NOT_YET:
        assert (code, tests[:7]) == ("-", "not yet")
        return
    for column in (code, tests):
        paths = re.findall(r"`([^`]+)`", column)
        assert paths, f"nothing is named in {column!r}"
        for path in paths:
            assert (ROOT / path.partition("::")[0]).is_file(), path


def test_every_requirement_is_broken_on_purpose_and_by_the_tests_that_the_page_names():
    assert {broken.id for broken in BROKEN} == {*IDS} - NOT_YET - BROKEN_BY_ITS_TEST
    named = {row[0]: (row[2], row[3]) for row in ROWS}
    for broken in BROKEN:
        code, tests = named[broken.id]
        assert broken.file in code, broken
        assert broken.test.partition("::")[0] in tests, broken


@pytest.mark.long
def test_the_tests_pass_on_the_code_as_it_is(outcomes):
    """They run last, so broken code that was not restored would fail them."""
    assert set(outcomes["as_it_is"].values()) == {"passed"}, outcomes["as_it_is"]
    for broken in BROKEN:
        assert any(name.startswith(broken.test) for name in outcomes["as_it_is"]), broken.test


@pytest.mark.long
@pytest.mark.parametrize(
    ("number", "broken"),
    list(enumerate(BROKEN)),
    ids=[f"{broken.id} {broken.file.rpartition('/')[2]}" for broken in BROKEN],
)
def test_a_promise_that_is_broken_fails_its_test(outcomes, number, broken):
    assert "failed" in outcomes["broken"][number], outcomes["broken"][number]
    assert set(outcomes["broken"][number]) <= {"failed", "passed"}


def test_a_change_that_no_longer_fits_the_code_is_no_proof():
    here = ROOT / BROKEN[0].file
    for old, new in ((BROKEN[0].old, BROKEN[0].old), ("nothing like it", ""), (BROKEN[0].old, "\n")):
        with pytest.raises(Stale):
            put_in_place(here, old, new)
