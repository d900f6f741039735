"""Where the tests' data lies, the servers that they share, and that nothing is skipped where nothing may be."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import marks
from tests.places import DATA, ROOT
from tests.servers import PostgreSQL

# No test speaks TLS, and a client of HTTP reads a file of certificates at once, 40 ms each, but a folder when needed.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(ROOT / "tests")
REQUIRE_ALL = os.environ.get("SOMA_TEST_REQUIRE_ALL") == "1"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        marks.mark_by_fixtures(item)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    marks.running_test = item


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data; see its README. Tests that need it are skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"no test data at {DATA}: set SOMA_TEST_DATA")
    return DATA


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    server = PostgreSQL()
    yield server
    server.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """With SOMA_TEST_REQUIRE_ALL=1 a skipped test is a failed one."""
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and nothing may be: {report.longrepr}"
    return report
