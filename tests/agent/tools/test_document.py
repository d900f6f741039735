"""Documents inside the root can be read, nothing else can, and the root stays unnamed."""

import os
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from soma.agent.documents.folders import folder_of, warn_of_loose_documents
from soma.agent.tools.base import ToolContext, ToolFailed
from soma.agent.tools.document import DocumentTool, read_document


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
        ("documents/../secret.md", "outside"),
        ("default/../../secret.md", "outside"),
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
        read_document(root, given, max_bytes=100, known_as=("documents", "default"))
    assert repr(given) in str(refusal.value)
    assert str(root.parent) not in str(refusal.value)
    assert "secret" not in str(refusal.value).replace(repr(given), "")


def test_a_path_may_begin_with_the_folders_above(root: Path) -> None:
    names = ("documents", "default")
    for given in ("documents/notes/plan.md", "documents/default/notes/plan.md", "default/notes/plan.md"):
        assert read_document(root, given, known_as=names) == "# Plan\nShip it."
    (root / "documents").mkdir()
    (root / "documents" / "a.md").write_text("Really there.", encoding="utf-8")
    assert read_document(root, "documents/a.md", known_as=names) == "Really there."


def test_an_accent_is_found_however_it_is_typed(root: Path) -> None:
    forms: list[tuple[Literal["NFC", "NFD"], Literal["NFC", "NFD"]]] = [("NFD", "NFC"), ("NFC", "NFD")]
    for form, other in forms:
        folder = root / unicodedata.normalize(form, f"Käse {form}")
        folder.mkdir()
        (folder / unicodedata.normalize(form, "café.md")).write_text(form, encoding="utf-8")
        assert read_document(root, unicodedata.normalize(other, f"Käse {form}/café.md")) == form
    (root / unicodedata.normalize("NFD", "übel.md")).symlink_to(root.parent / "secret.md")
    with pytest.raises(ToolFailed, match="outside"):
        read_document(root, "übel.md")


def test_files_of_windows_are_read_and_a_guess_is_named(root: Path) -> None:
    (root / "latin.txt").write_bytes("Grüße aus Zürich".encode("latin-1"))
    (root / "wide.txt").write_bytes("Grüße".encode("utf-16"))
    assert read_document(root, "latin.txt") == "[read as Windows-1252, which is a guess]\nGrüße aus Zürich"
    assert read_document(root, "wide.txt") == "Grüße"


async def test_each_tenant_has_a_folder_of_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tool = DocumentTool(tmp_path / "documents")
    (folder_of(tmp_path / "documents", "acme") / "a.md").write_text("Ours.", encoding="utf-8")
    (tmp_path / "documents" / "loose.md").write_text("Nobody's.", encoding="utf-8")
    theirs = ToolContext(
        tenant_id="other",
        user_id="u",
        agent_id="a",
        conversation_id="c",
        turn_id="t",
        iteration_number=0,
        call_id="1",
    )
    ours = replace(theirs, tenant_id="acme")
    assert (await tool.run({"path": "documents/a.md"}, ours)).content == "Ours."
    for path in ("a.md", "acme/a.md", "documents/acme/a.md", "../acme/a.md", "loose.md", "../loose.md"):
        with pytest.raises(ToolFailed):
            await tool.run({"path": path}, theirs)
    for tenant in ("", "..", ".", "a/b", "../acme"):
        with pytest.raises(ValueError, match="cannot name a folder"):
            await tool.run({"path": "a.md"}, replace(ours, tenant_id=tenant))
    warn_of_loose_documents(tmp_path / "documents", {"acme", "other"}, "default")
    assert "'loose.md'" in caplog.text
    assert "'acme'" not in caplog.text
