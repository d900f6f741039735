"""Marks that say what a test starts: given by the fixtures that it uses, and checked where something starts."""

import pytest

MARK_OF_FIXTURE = {"postgresql": "integration", "soma": "e2e"}
SERVER = ("e2e", "integration")

running_test: pytest.Item | None = None  # set by tests/conftest.py


def mark_by_fixtures(item: pytest.Item) -> None:
    for fixture in MARK_OF_FIXTURE.keys() & getattr(item, "fixturenames", ()):
        item.add_marker(MARK_OF_FIXTURE[fixture])


def check_mark(*names: str) -> None:
    """Fail the running test unless it has one of these marks: without them `make test-fast` runs it."""
    if running_test and not any(map(running_test.get_closest_marker, names)):
        pytest.fail(f"what this test starts needs the mark {' or '.join(names)}")
