"""The runbook quotes messages and codes as the code has them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "runbook.md").read_text("utf-8")
SOURCES = " ".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
PIECE = re.compile(r"[^\d.:/]{6,}")  # of a message, what no value stands in


def test_messages_and_codes_in_the_runbook_are_those_of_the_code():
    cells = [line.split(" | ")[0] for line in PAGE.splitlines() if line.startswith("| ")]
    quoted = [text for cell in cells for text in re.findall(r"`([^`]+)`", cell)]
    pieces = {piece.strip() for text in quoted for piece in PIECE.findall(text) if "soma" not in text}
    assert len(pieces) > 20
    assert {piece for piece in pieces if piece not in SOURCES} == set()
