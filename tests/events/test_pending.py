"""Rows that wait for the end of a commit all arrive, however many there are."""

import pytest

from soma.events.database import Database
from soma.events.pending import FEW, ROWS, Pending, Sums

WORTH = Sums("worth", ("name",), ("count",))
NUMBERS = (0, 1, FEW, FEW + 1, ROWS + FEW, ROWS + FEW + 1, 3 * ROWS)


@pytest.fixture
def connection(tmp_path):
    connection = Database(f"sqlite:///{tmp_path}/rows.sqlite3").connect()
    connection.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY, double INTEGER)")
    connection.execute("CREATE TABLE worth (name TEXT PRIMARY KEY, count INTEGER)")
    yield connection
    connection.close()


@pytest.mark.parametrize("count", NUMBERS)
def test_every_row_arrives_once_and_in_order(connection, count):
    pending = Pending()
    rows = [(number, 2 * number) for number in range(count)]
    pending.insert("numbers", ("number", "double"), rows)
    for _ in range(2):  # the second time nothing waits
        pending.write_rows(connection)
    assert connection.query("SELECT number, double FROM numbers ORDER BY number") == rows


@pytest.mark.parametrize("count", NUMBERS)
def test_every_sum_grows_once(connection, count):
    connection.execute("INSERT INTO worth VALUES ('1', 100)")
    earlier, later = Pending(), Pending()
    for number in range(count):
        later.add(WORTH, (str(number),), (number,))
        later.add(WORTH, (str(number),), (1,))
    later.move_to(earlier)
    for _ in range(2):
        earlier.write_sums(connection)
    expected = {str(number): number + 1 + 100 * (number == 1) for number in range(count)} or {}
    found = dict(connection.query("SELECT name, count FROM worth"))
    assert found == {"1": 100} | expected
