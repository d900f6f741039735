"""Documents inside the root can be read; nothing else can, and the root stays unnamed."""

import os
from pathlib import Path

import pytest

from soma.agent.tools.base import ToolFailed
from soma.agent.tools.document import read_document


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    (folder / "notes").mkdir(parents=True)
    (folder / "notes" / "plan.md").write_text("# Plan\nShip it.", encoding="utf-8")
    (tmp_path / "secret.md").write_text("secret", encoding="utf-8")
    (tmp_path / "documents-of-others").mkdir()
    (tmp_path / "documents-of-others" / "a.md").write_text("secret", encoding="utf-8")
    return folder


def test_a_document_is_read(root: Path) -> None:
    assert read_document(root, "notes/plan.md") == "# Plan\nShip it."
    assert read_document(root, "notes/../notes/./plan.md") == "# Plan\nShip it."


def test_a_link_that_stays_inside_is_followed(root: Path) -> None:
    (root / "current.md").symlink_to(root / "notes" / "plan.md")
    assert read_document(root, "current.md") == "# Plan\nShip it."


def test_a_root_that_is_a_link_itself_is_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert read_document(tmp_path / "link", "notes/plan.md") == "# Plan\nShip it."


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("../secret.md", "outside"),
        ("notes/../../secret.md", "outside"),
        ("../documents-of-others/a.md", "outside"),
        ("/etc/passwd", "outside"),
        ("/etc/hosts.md", "outside"),
        ("escape.md", "outside"),
        ("folder/secret.md", "outside"),
        ("missing.md", "no document"),
        ("notes", "a folder"),
        (".", "a folder"),
        ("pipe.md", "not a file"),
        ("tool.py", "not a text or Markdown"),
        ("binary.txt", "not a text document"),
        ("large.txt", "larger than 100 bytes"),
        ("a\0b.md", "no document"),
        ("loop.md", "no document"),
        ("x" * 300 + ".md", "no document"),
    ],
)
def test_what_must_not_be_read_is_refused_by_the_name_given(root: Path, given: str, reason: str) -> None:
    (root / "escape.md").symlink_to(root.parent / "secret.md")
    (root / "folder").symlink_to(root.parent)
    (root / "loop.md").symlink_to(root / "loop.md")
    (root / "tool.py").write_text("x = 1", encoding="utf-8")
    (root / "binary.txt").write_bytes(b"\xff\xfe\x00")
    (root / "large.txt").write_text("x" * 101, encoding="utf-8")
    os.mkfifo(root / "pipe.md")
    with pytest.raises(ToolFailed, match=reason) as refusal:
        read_document(root, given, max_bytes=100)
    assert repr(given) in str(refusal.value)
    assert str(root.parent) not in str(refusal.value)
    assert "secret" not in str(refusal.value).replace(repr(given), "")
