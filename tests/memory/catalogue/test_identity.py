"""Which document a file is, and what an import will do, for every way in which files come and go."""

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soma.memory.catalogue.identity import Delivery, IncomingDocument, KnownDocument, plan

HOME = "a0a0a0a0/b0b0b0b0"


def place(name):
    """The origin of a file below the home folder: a digest for each folder of its name, then its own."""
    parts = name.split("/")
    return "/".join(
        [HOME, *(f"{'/'.join(parts[: end + 1])}".encode().hex().rjust(8, "0") for end in range(len(parts)))]
    )


def folder(name):
    return place(name) if name else HOME


def label(name):
    return f"{name or 'home'}-{folder(name).rpartition('/')[2]}"


def coming(root, name, text, **fields):
    whole = f"{root}/{name}" if root else name
    said = {"collection": label(root), "name": name, "format": "markdown", "digest": text, "origin": place(whole)}
    return IncomingDocument(**said | fields)


def delivery(root, texts, **fields):
    documents = [coming(root, name, text) for name, text in texts.items()]
    return Delivery(**{"documents": documents, "format": "markdown", "root": folder(root)} | fields)


def known(number, root, name, text, **fields):
    one = coming(root, name, text)
    said = {"id": f"d{number}", "collection": one.collection, "name": name, "thread": f"t{number}", "digest": text}
    return KnownDocument(**said | {"origin": one.origin, "format": "markdown"} | fields)


def steps(there, brought):
    return [(step.action, step.document.name) for step in plan(there, brought)]


def test_one_name_in_two_folders_is_two_documents():
    there = [known(1, "a", "README.md", "one")]
    assert steps(there, delivery("b", {"README.md": "two"})) == [("created", "README.md")]
    assert steps(there, delivery("b", {"README.md": "two"}, mirror=True)) == [("created", "README.md")]


def test_the_same_folder_again_is_unchanged_and_what_was_edited_is_replaced():
    there = [known(1, "a", "x.md", "one"), known(2, "a", "y.md", "two")]
    brought = delivery("a", {"x.md": "one", "y.md": "three"})
    assert steps(there, brought) == [("unchanged", "x.md"), ("replaced", "y.md")]


@pytest.mark.parametrize("edited", [False, True])
def test_a_folder_through_its_parent_is_the_same_documents_by_their_longer_names(edited):
    there = [known(1, "notes/faq", "a.md", "one")]
    brought = delivery("notes", {"faq/a.md": "two" if edited else "one"})
    assert steps(there, brought) == [("replaced" if edited else "moved", "faq/a.md")]
    inside = delivery("notes/faq", {"a.md": "two" if edited else "one"})
    assert steps([known(1, "notes", "faq/a.md", "one")], inside) == [
        ("replaced" if edited else "unchanged", "faq/a.md")
    ]


def test_a_file_whose_place_is_gone_moved_and_one_that_is_there_was_copied():
    there = [known(1, "a", "x.md", "one")]
    for root, name in (("a", "z.md"), ("b", "x.md"), ("", "x.md")):
        brought = delivery(root, {name: "one"}, whereabouts={"d1": "gone"})
        assert steps(there, brought) == [("moved", name)]
        for whereabouts in ({"d1": "there"}, {}):
            [step] = plan(there, replace(brought, whereabouts=whereabouts, root=folder("none")))
            assert (step.action, step.document.thread) == ("shared", "t1")


def test_a_document_of_another_person_does_not_move_though_its_place_is_gone():
    there = [known(1, "a", "x.md", "one", is_foreign=True)]
    brought = delivery("b", {"x.md": "one"}, whereabouts={"d1": "gone", "d2": "gone"})
    [step] = plan(there, brought)
    assert (step.action, step.document.id, step.document.thread) == ("shared", "", "t1")
    [step] = plan([*there, known(2, "c", "x.md", "one")], brought)
    assert (step.action, step.document.id) == ("moved", "d2")


def test_a_document_of_another_person_is_absorbed_by_none_that_lies_where_it_lay():
    there = [known(1, "a", "x.md", "one", is_foreign=True), known(2, "a", "x.md", "one", collection="book")]
    documents = [coming("a", "x.md", "two", collection="book")]
    [step] = plan(there, Delivery(documents=documents, format="markdown"))
    assert (step.action, step.former, step.absorbed) == ("replaced", there[1], ())


def test_the_same_text_in_another_format_is_another_text():
    there = [known(1, "a", "x.md", "one", format="text")]
    assert steps(there, delivery("a", {"x.md": "one"})) == [("replaced", "x.md")]


def test_a_file_of_a_folder_is_the_document_that_lay_there_before_it_is_the_one_of_its_name():
    lay_there = known(2, "c", "x.md", "two", origin=place("a/x.md"))
    [step] = plan([known(1, "a", "x.md", "one", origin=place("b/x.md")), lay_there], delivery("a", {"x.md": "three"}))
    assert (step.action, step.former) == ("replaced", lay_there)


def test_a_mirror_speaks_for_no_folder_whose_digest_only_begins_as_its_own():
    there = [known(1, "a", "x.md", "one", origin=f"{HOME}00/cccccccc")]
    brought = Delivery(documents=[], format="markdown", root=HOME, mirror=True, whereabouts={"d1": "gone"})
    assert steps(there, brought) == []


def test_what_is_gone_stays_unless_the_folder_is_mirrored():
    there = [known(1, "a", "x.md", "one"), known(2, "a", "y.md", "two"), known(3, "b", "y.md", "three")]
    brought = delivery("a", {"x.md": "one"}, whereabouts={"d2": "gone", "d3": "gone"})
    assert steps(there, brought) == [("unchanged", "x.md"), ("kept", "y.md")]
    assert steps(there, replace(brought, mirror=True)) == [("unchanged", "x.md"), ("forgotten", "y.md")]


def test_a_mirror_forgets_nothing_that_is_still_there_or_of_another_format_or_person():
    there = [
        known(1, "a", "unreadable.md", "one"),
        known(2, "a", "y.txt", "two", format="text"),
        known(3, "a", "theirs.md", "three", is_foreign=True),
        known(4, "a", "unseen.md", "four"),
    ]
    whereabouts = {"d1": "there", "d2": "gone", "d3": "gone"}
    brought = delivery("a", {"x.md": "five"}, whereabouts=whereabouts, mirror=True)
    assert steps(there, brought) == [("created", "x.md")]


def test_a_parent_that_is_mirrored_forgets_what_came_through_its_folders():
    there = [known(1, "notes/faq", "a.md", "one"), known(2, "notes", "b.md", "two")]
    brought = delivery("notes", {"b.md": "two"}, whereabouts={"d1": "gone"}, mirror=True)
    assert steps(there, brought) == [("unchanged", "b.md"), ("forgotten", "a.md")]


def test_a_named_collection_is_one_wherever_its_files_lie():
    there = [known(1, "laptop", "x.md", "one", collection="book"), known(2, "laptop", "y.md", "two", collection="book")]
    documents = [coming("desktop", "x.md", "three", collection="book")]
    brought = Delivery(documents=documents, format="markdown", root=folder("desktop"), collection="book")
    assert steps(there, brought) == [("replaced", "x.md"), ("kept", "y.md")]
    assert steps(there, replace(brought, mirror=True)) == [("replaced", "x.md"), ("forgotten", "y.md")]


def test_a_file_that_gets_a_named_collection_leaves_the_one_of_its_folder():
    there = [known(1, "a", "x.md", "one")]
    documents = [coming("a", "x.md", "one", collection="book")]
    [step] = plan(there, Delivery(documents=documents, format="markdown"))
    assert (step.action, step.document.collection, step.document.id) == ("moved", "book", "d1")
    [step] = plan([step.document], delivery("a", {"x.md": "one"}))
    assert (step.action, step.document.collection) == ("unchanged", "book")


def test_one_document_of_an_earlier_version_is_one_file_and_of_several_that_of_the_same_text():
    there = [KnownDocument(id="old", collection="", name="README.md", thread="t")]
    documents = [
        coming("a", "README.md", "one", continues="old"),
        coming("b", "README.md", "two", continues="old", has_same_text=True),
    ]
    found = plan(there, Delivery(documents=documents, format="markdown"))
    assert [(step.action, step.former.id if step.former else None) for step in found] == [
        ("created", None),
        ("unchanged", "old"),
    ]


def test_a_copy_within_one_import_is_kept_once_and_told():
    found = plan([], delivery("a", {"x.md": "one", "y.md": "one"}))
    assert [step.action for step in found] == ["created", "shared"]
    assert found[1].twin
    assert found[1].twin.name == "x.md"


texts = st.sampled_from(["one", "two", "three"])
trees = st.dictionaries(st.sampled_from(["x.md", "y.md", "f/x.md", "f/y.md", "f/g/x.md"]), texts, min_size=1)
roots = st.sampled_from(["", "f", "f/g"])


numbers = count()


def below(tree, root):
    return {
        name.removeprefix(f"{root}/") if root else name: text
        for name, text in tree.items()
        if not root or name.startswith(f"{root}/")
    }


def carried_out(there, brought):
    """The documents afterwards, each with what it says."""
    after = {one.id: one for one in there}
    names = {}  # of what a plan calls new
    for number, step in enumerate(plan(there, brought)):
        if step.action == "forgotten":
            after.pop(step.document.id)
        elif step.action != "kept":
            for gone in step.absorbed:
                after.pop(gone.id)
            document, planned = step.document, f"new {number}"
            names[planned] = f"n{next(numbers)}"
            thread = document.thread or planned
            new = replace(document, id=document.id or names[planned], thread=names.get(thread, thread))
            after[new.id] = new
    return list(after.values())


@settings(max_examples=200, deadline=None)
@given(first=trees, second=trees, way=st.lists(st.tuples(st.booleans(), roots, st.booleans()), min_size=1, max_size=5))
def test_whatever_is_imported_from_wherever_the_files_that_are_there_are_remembered_once(first, second, way):
    """Two states of one tree, imported from any of its folders in any order, mirrored or not."""
    there: list[KnownDocument] = []
    brought: dict[str, str] = {}
    for is_second, root, mirror in way:
        tree = second if is_second else first
        files = below(tree, root)
        places = {place(name) for name in tree}
        whereabouts = {one.id: "there" if one.origin in places else "gone" for one in there}
        there = carried_out(there, delivery(root, files, whereabouts=whereabouts, mirror=mirror))
        brought |= {place(f"{root}/{name}" if root else name): text for name, text in files.items()}
        said = {one.origin: one.digest for one in there}
        assert len(said) == len(there), "no file is two documents"
        for origin, text in said.items():
            assert brought[origin] == text, "each says what was brought last"
        for name, text in files.items():
            assert said[place(f"{root}/{name}" if root else name)] == text, "all that was brought is there"
        if mirror:
            within = {origin for origin in said if origin.startswith(f"{folder(root)}/")}
            assert within == {place(f"{root}/{name}" if root else name) for name in files}
        threads: dict[str, str] = {}
        for one in there:
            assert threads.setdefault(one.thread, one.digest) == one.digest, "who shares chunks says the same"
