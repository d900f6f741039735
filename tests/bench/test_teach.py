"""When an answer counts as changed by a correction of another question."""

from soma.bench.teach import answer_of


def said(content):
    return answer_of({"content": content})


def test_another_quotation_is_another_answer_and_another_number_of_its_source_is_not():
    assert said('From a.md: "Nine." [1]') == said('From a.md: "Nine." [4]')
    assert said('From a.md: "Nine." [1]') != said('From a.md: "Ten." [1]')


def test_two_refusals_are_the_same_answer_and_a_quotation_is_none():
    refusal = "I don't know: none of the 13 memories I looked at says it."
    assert said(refusal) == said(refusal.replace("13", "4"))
    assert said(refusal) != said('From a.md: "Nine." [1]')
