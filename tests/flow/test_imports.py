"""Files are imported as people have them: twice, edited, moved, from inside and outside, from two folders."""

import json
import os
import shutil
from pathlib import Path

import pytest
from tests.flow.product import environment
from tests.flow.terminal import terminal


@pytest.fixture
def typed(soma, person):
    """Runs a command as `person`; `said` is piped in."""

    def run(*words, said=""):
        return terminal().run(words, environment(soma.data_dir, SOMA_TOKEN=person.token), said=said)

    return run


@pytest.fixture
def imported(typed):
    """Imports Markdown: the counts that are not 0, the status and the whole report."""

    def run(path, *options, said="", status=0):
        ended = typed(*import_words(path, "--json", *options), said=said)
        assert ended.returncode == status, ended.stderr
        report = json.loads(ended.stdout)
        return {action: count for action, count in report["documents"].items() if count}, report

    return run


def import_words(path, *options):
    return ("memory", "import", "--format", "markdown", str(path), *options)


def write(folder, **texts):
    for name, text in texts.items():
        file = folder / f"{name.replace('__', '/')}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@pytest.fixture
def texts(person):
    return lambda: sorted(one["text"] for one in person.get("/memories", limit=200)["memories"])


def test_two_folders_with_a_readme_each_keep_both(imported, texts, tmp_path):
    write(tmp_path, a__README="The heron eats fish.", b__README="The lathe runs at 400.")
    assert imported(tmp_path / "a")[0] == {"created": 1}
    assert imported(tmp_path / "b", "--mirror")[0] == {"created": 1}
    assert imported(tmp_path / "a" / "README.md")[0] == {"unchanged": 1}
    assert texts() == ["The heron eats fish.", "The lathe runs at 400."]


def test_a_folder_and_its_parent_in_either_order_make_nothing_twice(imported, typed, texts, tmp_path):
    notes = write(tmp_path / "notes", faq__a="Keys are under the mat.", b="Tea is at four.")
    assert imported(notes / "faq")[0] == {"created": 1}
    assert imported(notes)[0] == {"created": 1, "moved": 1}
    assert imported(notes / "faq")[0] == {"unchanged": 1}
    assert imported(notes)[0] == {"unchanged": 2}
    assert texts() == ["Keys are under the mat.", "Tea is at four."]
    listed = json.loads(typed("memory", "documents", "--json").stdout)
    assert [(one["name"], one["chunks"]) for one in listed] == [("b.md", 1), ("faq/a.md", 1)]
    assert {one["collection"].partition("-")[0] for one in listed} == {"notes"}


def test_edited_moved_copied_and_deleted_files_are_told_before_anything_is_done(imported, typed, texts, tmp_path):
    notes = write(tmp_path / "notes", a="One.", b="Two.", c="Three.", d="Four.")
    imported(notes)
    write(notes, a="One and a half.")
    (notes / "b.md").rename(notes / "moved.md")
    (notes / "c.md").unlink()
    shutil.copy(notes / "d.md", notes / "copy.md")
    expected = {"replaced": 1, "unchanged": 1, "moved": 1, "shared": 1, "kept": 1}
    before = texts()
    planned, report = imported(notes, "--dry-run")
    assert (planned, report["dry_run"], texts()) == (expected, True, before)
    shown = typed(*import_words(notes)).stdout
    for line in ("replaced     a.md", "moved        moved.md (was b.md)", "kept         c.md"):
        assert line in shown
    assert "chunks: 0 created, 1 updated, 3 unchanged, 0 forgotten" in shown
    assert texts() == ["Four.", "One and a half.", "Three.", "Two."]
    assert imported(notes)[0] == {"unchanged": 4, "kept": 1}
    forgetting = typed(*import_words(notes, "--mirror")).stdout
    assert "forgotten    c.md" in forgetting
    assert texts() == ["Four.", "One and a half.", "Two."]
    notes.rename(tmp_path / "renamed")
    assert imported(tmp_path / "renamed")[0] == {"moved": 4}
    assert texts() == ["Four.", "One and a half.", "Two."]


def test_a_repository_from_two_places_is_remembered_once_and_each_keeps_what_it_says(imported, texts, tmp_path):
    write(tmp_path / "laptop", README="Build with make.", LICENSE="Take it.")
    shutil.copytree(tmp_path / "laptop", tmp_path / "desktop")
    assert imported(tmp_path / "laptop")[0] == {"created": 2}
    assert imported(tmp_path / "desktop")[0] == {"shared": 2}
    assert texts() == ["Build with make.", "Take it."]
    write(tmp_path / "desktop", README="Build with ninja.")
    assert imported(tmp_path / "desktop")[0] == {"replaced": 1, "unchanged": 1}
    assert imported(tmp_path / "laptop")[0] == {"unchanged": 2}
    assert texts() == ["Build with make.", "Build with ninja.", "Take it."]
    named = ("--collection", "repo")
    imported(tmp_path / "laptop", *named)
    assert imported(tmp_path / "desktop", *named)[0] == {"replaced": 1, "unchanged": 1}
    assert texts() == ["Build with ninja.", "Take it."]


def test_documents_are_listed_and_forgotten_by_name(imported, typed, texts, tmp_path):
    write(tmp_path, a__README="The heron eats fish.", b__README="The lathe runs at 400.", b__c="Tea is at four.")
    for folder in ("a", "b"):
        imported(tmp_path / folder)
    unsure = typed("memory", "forget", "--document", "README.md")
    assert unsure.returncode == 1
    assert "2 documents are called README.md: say which with --collection: a-" in unsure.stderr
    listed = json.loads(typed("memory", "documents", "--json").stdout)
    first = next(one["collection"] for one in listed if one["collection"].startswith("a-"))
    nowhere = typed("memory", "forget", "--document", "README.md", "--collection", "nosuch")
    assert nowhere.stderr.startswith("soma: there is no document README.md in that collection; it is in a-")
    forgotten = typed("memory", "forget", "--document", "README.md", "--collection", first)
    assert forgotten.stdout.startswith("forgotten: 1 documents, 1 chunks, receipt ")
    assert texts() == ["Tea is at four.", "The lathe runs at 400."]
    absent = typed("memory", "forget", "--document", "gone.md")
    assert absent.stderr == "soma: there is no document gone.md: `soma memory documents` lists them\n"
    both = typed("memory", "forget", "key", "--document", "c.md")
    assert (both.returncode, "say what to forget" in both.stderr) == (2, True)
    other = next(one["collection"] for one in listed if one["collection"].startswith("b-"))
    assert typed("memory", "forget", "--collection", other).returncode == 0
    assert typed("memory", "documents").stdout == "no documents\n"


def test_what_was_forgotten_in_a_chat_stays_forgotten_until_an_import_asks_for_it(imported, typed, texts, tmp_path):
    notes = write(tmp_path / "notes", violin="# Violin\n\nThe violin of Anselm was made in 1871.", b="Tea is at four.")
    imported(notes)
    assert "violin" in typed("chat", "forget the violin of Anselm").stdout
    assert "receipt" in typed("chat", "--continue", "yes").stdout.lower()
    assert texts() == ["Tea is at four."]
    again = typed(*import_words(notes)).stdout
    assert "left out          1  chunks that were forgotten before; --with-forgotten brings them back" in again
    assert texts() == ["Tea is at four."]
    assert "1871" not in typed("chat", "when was the violin of Anselm made?").stdout
    asked = imported(notes, "--with-forgotten")[1]["chunks"]
    assert (asked["created"], asked["left_out"]) == (1, 0)
    assert len(texts()) == 2


def test_forgetting_broken_off_is_ended_by_the_same_command(imported, typed, texts, tmp_path):
    imported(write(tmp_path / "notes", gone="One.", left="Two.", other="Three."))
    assert typed("memory", "forget", "--document", "gone.md").returncode == 0
    again = typed("memory", "forget", "--document", "gone.md", "--document", "left.md", "--document", "left.md")
    assert (again.returncode, again.stdout[:33]) == (1, "forgotten: 1 documents, 1 chunks,")
    assert again.stderr == "soma: there is no document gone.md: `soma memory documents` lists them\n"
    assert texts() == ["Three."]
    mistyped = typed("memory", "forget", "--document", "notes/other.md")
    assert mistyped.stderr == "soma: there is no document notes/other.md; did you mean other.md?\n"


def test_a_document_is_named_in_either_unicode_form_or_by_its_id_where_its_name_is_not_enough(person, typed, texts):
    for name, scope, text in [
        ("cafe\u0301 au lait.md", "user", "Decomposed."),
        ("twice.md", "user", "Mine."),
        ("twice.md", "agent", "Ours."),
    ]:
        person.post("/memories/documents", {"name": name, "text": text, "scope": scope})
    assert typed("memory", "forget", "--document", "caf\u00e9 au lait.md").returncode == 0
    unsure = typed("memory", "forget", "--document", "twice.md")
    assert "2 documents are called twice.md: say which by its id: " in unsure.stderr
    listed = json.loads(typed("memory", "documents", "--json").stdout)
    [ours] = [one["id"] for one in listed if one["scope"] == "agent"]
    assert f"{ours} (default, agent)" in unsure.stderr
    assert typed("memory", "forget", "--document", ours).returncode == 0
    assert texts() == ["Mine."]


def test_what_cannot_be_read_is_named_and_the_rest_is_imported(imported, typed, texts, tmp_path):
    notes = write(tmp_path / "notes", good="All is well.", sub__too="Here as well.")
    (notes / "broken.md").symlink_to(notes / "nowhere")
    (notes / "loop").symlink_to(notes)
    os.mkfifo(notes / "pipe.md")
    (notes / "empty.md").touch()
    (notes / "blank.MD").write_text(" \n")
    (notes / "image.md").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    (notes / "huge.md").write_text("word " * 900_000)
    (notes / ".hidden.md").write_text("Not for you.")
    (notes / "latin.md").write_bytes("Café in Zürich".encode("cp1252"))
    (notes / "windows.md").write_bytes("Grüße".encode("utf-16"))
    Path(os.fsdecode(os.fsencode(notes) + b"/na\xffme.md")).write_text("Odd.")
    (notes / ("n" * 240)).mkdir()
    (notes / ("n" * 240) / f"{'m' * 100}.md").write_text("A long name.")
    (notes / "two\nlines.md").write_text("Odd as well.")
    counts, report = imported(notes, status=1)
    assert counts == {"created": 4, "passed_over": 10}
    reasons = {one["path"].rpartition("/")[2]: one["reason"] for one in report["passed_over"]}
    assert reasons["broken.md"] == "is a link that leads nowhere"
    assert reasons["pipe.md"] == "is not a file"
    assert reasons["image.md"].startswith("is not text")
    assert reasons["huge.md"] == "has more than 4,000,000 bytes of text: split it"
    assert {reasons["empty.md"], reasons["blank.MD"]} == {"is empty", "holds nothing to remember"}
    assert report["read_as"] == {"latin.md": "Windows-1252", "windows.md": "UTF-16"}
    assert texts() == ["All is well.", "Café in Zürich", "Grüße", "Here as well."]
    shown = typed(*import_words(notes, "--mirror"))
    assert shown.returncode == 1
    assert "Windows-1252 latin.md (a guess)" in shown.stderr
    assert "forgotten" not in shown.stdout.partition("chunks")[0]
    for name in ("broken.md", "pipe.md", "image.md", "huge.md", "two\nlines.md"):
        (notes / name).unlink()
    shutil.rmtree(notes / ("n" * 240))
    Path(os.fsdecode(os.fsencode(notes) + b"/na\xffme.md")).unlink()
    assert imported(notes)[0] == {"unchanged": 4, "passed_over": 3}


def test_texts_of_another_format_are_named_as_passed_over(imported, typed, texts, tmp_path):
    write(tmp_path, here="All is well.")
    (tmp_path / "there.txt").write_text("Not of this import.")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    counts, report = imported(tmp_path)
    assert counts == {"created": 1, "passed_over": 2}
    reasons = {Path(one["path"]).name: one["reason"] for one in report["passed_over"]}
    assert reasons["there.txt"] == "needs an import with --format text"
    assert reasons["picture.png"].startswith("has another ending than .markdown, .md, .mdown")
    assert texts() == ["All is well."]
    (tmp_path / "here.md").unlink()
    assert "holds no .markdown or .md or .mdown file" in typed(*import_words(tmp_path)).stderr


def test_links_out_of_a_folder_are_left_out_and_those_within_count_once(imported, typed, texts, tmp_path):
    outside = write(tmp_path / "private", diary="Nobody reads this.")
    notes = write(tmp_path / "notes", a="The heron eats fish.", sub__b="Tea is at four.")
    (notes / "plain.txt").write_text("No ending of Markdown.")
    for link, place in {
        "out.md": outside / "diary.md",
        "chain.md": notes / "out.md",
        "folder": outside,
        "parent": tmp_path,
        "0.md": notes / "a.md",
        "again": notes / "sub",
        "sub/up": notes,
        "round.md": notes / "round.md",
        "plain.md": notes / "plain.txt",
        "plain2.md": notes / "plain.txt",
    }.items():
        (notes / link).symlink_to(place)
    for options in (["--dry-run"], []):
        counts, report = imported(notes, *options, status=1)
        assert counts == {"created": 3, "passed_over": 9}
        reasons = {str(Path(one["path"]).relative_to(notes)): one["reason"] for one in report["passed_over"]}
        assert reasons == {
            **dict.fromkeys(("out.md", "chain.md", "folder", "parent"), "links to a place outside the folder"),
            **dict.fromkeys(("sub/up", "round.md"), "is a link that leads back to itself"),
            "0.md": "links to a.md",
            "again": "links to the folder sub",
            "plain2.md": "links to plain.md",
        }
    assert texts() == ["No ending of Markdown.", "Tea is at four.", "The heron eats fish."]
    for link in ("out.md", "chain.md", "folder", "parent", "round.md"):
        (notes / link).unlink()
    assert imported(notes)[0] == {"unchanged": 3, "passed_over": 4}
    (tmp_path / "link.md").symlink_to(outside / "diary.md")
    assert imported(tmp_path / "link.md")[0] == {"created": 1}, "its user named it"
    (tmp_path / "shortcut").symlink_to(notes)
    assert imported(tmp_path / "shortcut")[0] == {"unchanged": 3, "passed_over": 4}


def test_a_file_that_cannot_be_read_any_more_is_not_forgotten_by_a_mirror(imported, texts, tmp_path):
    notes = write(tmp_path / "notes", a="One.", b="Two.", c="Three.")
    imported(notes)
    (notes / "a.md").write_bytes(b"\x00\xff\x00")
    (notes / "b.md").rename(notes / "b.txt")
    assert imported(notes, "--mirror", status=1)[0] == {"unchanged": 1, "forgotten": 1, "passed_over": 2}
    assert texts() == ["One.", "Three."]


def test_an_empty_folder_changes_nothing_whatever_is_said(imported, typed, texts, tmp_path):
    """As a disk that is not mounted."""
    notes = write(tmp_path / "notes", a="One.")
    imported(notes)
    (notes / "a.md").unlink()
    ended = typed(*import_words(notes, "--mirror"))
    assert ended.returncode == 1
    assert f"{notes} holds no .markdown or .md or .mdown file that can be read: nothing was changed" in ended.stderr
    assert texts() == ["One."]


def test_what_is_piped_in_has_the_name_that_is_said(imported, typed, texts):
    unnamed = typed(*import_words("-"), said="One.")
    assert unnamed.stderr == "soma: standard input has no name: give it one with --name\n"
    assert imported("-", "--name", "talk.md", said="One.")[0] == {"created": 1}
    assert imported("-", "--name", "talk.md", said="One.")[0] == {"unchanged": 1}
    assert imported("-", "--name", "talk.md", said="Two.")[0] == {"replaced": 1}
    assert imported("-", "--name", "other.md", said="Three.")[0] == {"created": 1}
    assert texts() == ["Three.", "Two."]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--mirror",), "--mirror requires a folder"),
        (("--collection", "a\x07b"), "[bad_name]"),
        (("--name", "x" * 301), "(documents.0.name) [invalid]"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(typed, texts, tmp_path, options, says):
    write(tmp_path, a="One.")
    ended = typed(*import_words(tmp_path / "a.md", *options))
    assert ended.returncode == 1
    assert says in ended.stderr
    assert texts() == []


def test_the_document_doors_are_one_road_with_the_command(person, texts):
    for collection, text in (("a", "The heron eats fish."), ("b", "The lathe runs at 400.")):
        made = person.post("/memories/documents", {"name": "README.md", "text": text, "collection": collection})
        assert (made["action"], made["collection"], made["created"]) == ("created", collection, 1)
    again = person.post("/memories/documents", {"name": "README.md", "text": "Three.", "collection": "b"})
    assert (again["action"], again["updated"] + again["created"]) == ("replaced", 1)
    page = person.get("/memories/documents")
    assert [(one["name"], one["collection"], one["is_whole"]) for one in page["documents"]] == [
        ("README.md", "a", True),
        ("README.md", "b", True),
    ]
    plan = {"documents": [], "collection": "a", "mirror": True}
    [step] = person.post("/memories/documents/plan", plan)["steps"]
    assert (step["action"], step["name"]) == ("forgotten", "README.md")
    gone = person.post("/memories/documents/forget", {"ids": [step["former"]["id"]]})
    assert (gone["documents"], gone["chunks"]) == (1, 1)
    refused = person.http.post("/memories/documents/forget", json={"ids": [step["former"]["id"]]})
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_document")
    assert texts() == ["Three."]


def test_members_bring_one_handbook_and_take_nothing_of_each_other(soma, newcomer, tmp_path):
    ann, ben = newcomer(), newcomer()
    folders = {}
    for who, name in ((ann, "ann"), (ben, "ben")):
        folders[name] = write(tmp_path / name, handbook=f"Desk {ann.get('/me')['username']} is free.")
        words = (*import_words(folders[name]), "--scope", "tenant", "--json")
        ended = soma.run(*words, token=who.token)
        counts = json.loads(ended.stdout)["documents"]
        assert counts["created" if who is ann else "shared"] == 1, counts
    theirs = json.loads(soma.run(*import_words(folders["ann"]), "--scope", "tenant", "--json", token=ben.token).stdout)
    assert theirs["documents"]["unchanged"] == 1
    write(folders["ann"], handbook="Desks are gone.")
    refused = soma.run(*import_words(folders["ann"]), "--scope", "tenant", token=ben.token)
    assert refused.returncode == 1
    assert "refused      handbook.md" in refused.stdout
    ids = [one["id"] for one in ben.get("/memories/documents")["documents"]]
    gone = soma.owner.post("/memories/documents/forget", {"ids": ids})  # others of this server are to see nothing
    assert (gone["documents"], gone["chunks"]) == (2, 1)


def test_an_answer_cites_the_file_before_and_after_it_is_imported_again(imported, typed, tmp_path):
    """The road of the tutorial: import, chat, import again."""
    notes = write(tmp_path / "notes", travel="# Travel\n\nI went to Lisbon in May and rode tram 28 with Ana.")
    imported(notes)
    question = "what did I write about Lisbon?"
    assert "travel.md" in typed("chat", question).stdout
    write(notes, travel="# Travel\n\nI went to Lisbon in June and rode tram 15 with Ana.")
    (notes / "travel.md").rename(notes / "trips.md")
    write(notes, travel="# Nothing\n\nYet.")
    imported(notes, "--mirror")
    answer = typed("chat", question).stdout
    assert "tram 15" in answer
    assert "trips.md" in answer
    assert "tram 28" not in answer


def test_every_file_of_a_folder_is_imported_or_named(typed, texts, tmp_path):
    (tmp_path / "people.csv").write_text("name,phone\nZelda,0131 555 0101\n")
    (tmp_path / "car.txt").write_text("The MOT is due in February.")
    (tmp_path / "sauce.py").write_text("print('sauce')\n")
    (tmp_path / "house.md").write_text("# House\n\nThe stopcock is under the sink.\n")
    for number in range(30):
        (tmp_path / f"{number}.png").write_bytes(b"\x89PNG")
    shown = typed("memory", "import", "--format", "text", str(tmp_path))
    assert shown.returncode == 0
    assert len(texts()) == 2
    assert (
        "sauce.py: has another ending than" in shown.stderr
        or "more that are empty or of another format" in shown.stderr
    )
    report = json.loads(typed("memory", "import", "--format", "text", str(tmp_path), "--json").stdout)
    reasons = {Path(one["path"]).name: one["reason"] for one in report["passed_over"]}
    assert len(reasons) == 32
    assert "import it by its own name" in reasons["sauce.py"]
    assert reasons["house.md"] == "needs an import with --format markdown"
