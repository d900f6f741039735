"""Folders that tests read: the checkout, and the real data beside it."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("SOMA_TEST_DATA", ROOT.parent / "shared" / "data"))
