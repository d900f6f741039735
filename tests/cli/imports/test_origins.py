"""A file is known again by where it lies, from whichever folder it comes, and without its path being told."""

from soma.cli.imports import origins
from soma.cli.imports.origins import collection_of, origin_of, whereabouts


def fresh():
    origins._listing.cache_clear()


def test_a_folder_is_a_beginning_of_what_lies_in_it(tmp_path):
    file = origin_of(tmp_path / "notes" / "faq" / "a.md")
    assert file.startswith(f"{origin_of(tmp_path / 'notes')}/")
    assert not file.startswith(f"{origin_of(tmp_path / 'note')}/")
    assert "notes" not in file
    assert str(tmp_path) not in file
    assert collection_of(tmp_path / "notes").partition("-")[0] == "notes"
    assert collection_of(tmp_path / "notes").rpartition("-")[2] in file.split("/")
    assert collection_of(tmp_path / "a" / "notes") != collection_of(tmp_path / "b" / "notes")


def test_it_is_seen_whether_a_file_is_still_there(tmp_path):
    file = tmp_path / "notes" / "faq" / "a.md"
    file.parent.mkdir(parents=True)
    file.write_text("x")
    origin = origin_of(file)
    near = tmp_path / "elsewhere"
    assert whereabouts(origin, near) == "there"
    (tmp_path / "notes").rename(tmp_path / "moved")
    fresh()
    assert whereabouts(origin, near) == "gone"
    assert whereabouts(origin_of(tmp_path / "moved" / "faq" / "a.md"), near) == "there"
    assert whereabouts(origin_of(tmp_path / "moved" / "faq" / "a.md" / "b.md"), near) == "gone"


def test_the_places_of_another_machine_are_not_ours(tmp_path, monkeypatch):
    file = tmp_path / "a.md"
    here = origin_of(file)
    monkeypatch.setattr(origins, "_machine", lambda: "another")
    origins._digest.cache_clear()
    theirs = origin_of(file)
    monkeypatch.undo()
    origins._digest.cache_clear()
    assert not set(here.split("/")) & set(theirs.split("/"))
    assert whereabouts(theirs, tmp_path) is None
