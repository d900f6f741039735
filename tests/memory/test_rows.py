"""Whoever looks for SQL of memory finds all of it in one folder."""

import re
from pathlib import Path

from soma import memory

SQL = re.compile(r'"(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE)\b')
FOLDER = Path(memory.__file__).parent


def test_every_statement_stands_in_rows_or_in_the_adapter_of_a_table_of_its_own():
    holding = {
        path.relative_to(FOLDER).parts[0] for path in FOLDER.rglob("*.py") if SQL.search(path.read_text("utf-8"))
    }
    assert holding == {"rows", "adapters"}
