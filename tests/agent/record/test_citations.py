"""Citations of an answer, and how well its evidence supports it."""

from tests.agent.making import memory

from soma.agent.record.citations import brings_support, citations_of, cited_in, drop_citations, support

MEMORIES = [memory(1, "Miso is a cat"), memory(2, "Rex is a dog", occurred_at="2023-05-08", source="locomo")]


def test_citations_come_once_each_in_the_order_of_their_mention():
    assert cited_in("Rex [2] chases Miso [1], says [2].", MEMORIES) == ["m2", "m1"]


def test_a_number_that_no_memory_has_cites_nothing():
    assert cited_in("see [0], [3], [999], [-1] and [x]", MEMORIES) == []
    assert citations_of("see [3]", MEMORIES) == []


def test_a_citation_shows_what_a_reader_needs_to_find_it():
    assert citations_of("a dog [2]", MEMORIES) == [
        {"number": 2, "id": "m2", "text": "Rex is a dog", "occurred_at": "2023-05-08", "source": "locomo",
         "metadata": {}, "author": None}
    ]  # fmt: skip


def test_a_chunk_of_a_document_is_cited_with_the_day_that_the_document_says_and_no_day_of_an_import():
    imported = {"occurred_at": "2026-11-30T10:00:00+00:00"}
    undated = memory(1, "Open on Sundays", **imported, metadata={"document": "faq/club.md"})
    dated = memory(2, "Closed", **imported, metadata={"document": "a.md", "dated": "2026-01-12"})
    assert [one["occurred_at"] for one in citations_of("so [1, 2]", [undated, dated])] == [None, "2026-01-12"]


def test_support_is_the_share_of_the_answers_words_that_the_evidence_holds():
    assert support("Miso sleeps [1]", ["Miso is a cat"]) == 0.5
    assert support("Miso", ["MISO!"]) == 1.0
    assert support("Miso", []) == 0.0
    assert support("is a", ["is a"]) == 0.0  # short words carry no evidence


def test_support_does_not_depend_on_length():
    assert support("cat " * 100, ["a cat"]) == support("cat", ["a cat"])


def test_several_numbers_in_one_bracket_are_each_cited():
    assert cited_in("both [1, 2]", MEMORIES) == ["m1", "m2"]
    assert cited_in("[2](https://a.b)", MEMORIES) == []


def test_what_stands_between_backticks_is_no_citation_of_a_past_answer():
    assert drop_citations("so [1]. `a[1]` ```\nb[2]\n``` and ` [3]") == "so. `a[1]` ```\nb[2]\n``` and `"


def test_found_memories_bring_support_where_they_hold_what_the_draft_says_and_nothing_else_did():
    asked, shown = "When does the train leave?", ["The train is red."]
    assert brings_support(["Bern is reached from platform 7."], "From platform 7.", asked=asked, shown=shown)
    assert not brings_support(["Trains leave."], "The red train leaves.", asked=asked, shown=shown)
    assert not brings_support(["Miso is a cat."], "6 * 7 is 42.", asked="What is 6 * 7?", shown=shown)
