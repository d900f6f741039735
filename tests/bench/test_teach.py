"""When an answer counts as changed by a correction of another question."""

from soma.bench.data.note_questions import NoteQuestion
from soma.bench.teach import answer_of, judge_changes


def said(content):
    return answer_of({"content": content})


def test_another_quotation_is_another_answer_and_another_number_of_its_source_is_not():
    assert said('From a.md: "Nine." [1]') == said('From a.md: "Nine." [4]')
    assert said('From a.md: "Nine." [1]') != said('From a.md: "Ten." [1]')


def test_two_refusals_are_the_same_answer_and_a_quotation_is_none():
    refusal = "I don't know: none of the 13 memories I looked at says it."
    assert said(refusal) == said(refusal.replace("13", "4"))
    assert said(refusal) != said('From a.md: "Nine." [1]')


def test_a_change_is_for_the_worse_if_a_right_answer_is_lost_or_a_refusal_becomes_wrong():
    changes = {"a": ("Nine.", "Ten."), "b": ("I don't know.", "Ten."), "c": ("Ten.", "Nine."), "d": ("Ten.", "Two.")}
    questions = [NoteQuestion(id=text, kind="fact", text=text, answer=["nine"]) for text in changes]
    before, after = ({text: {"content": said[place]} for text, said in changes.items()} for place in (0, 1))
    found = judge_changes(questions, before, after)
    assert (found["for_worse"], found["for_better"]) == (0.5, 0.25)
    assert (found["right_to_wrong"], found["wrong_to_right"]) == (0.25, 0.25)
    assert found["as_good"] == 0.25
    assert (found["right_before"], found["right_after"]) == (0.25, 0.25)
    assert (found["wrong_before"], found["wrong_after"]) == (0.5, 0.75)
