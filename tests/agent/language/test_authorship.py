"""The speaker of a memory decides what it proves."""

from soma.agent.language.authorship import provable_text


def test_only_what_was_stated_can_be_evidence():
    said = "My cat is called Miso. What do you say? Read the plan.\nthe name of my cat please"
    assert provable_text(said, {"role": "user"}) == "My cat is called Miso."
    assert provable_text(said, {"role": "assistant"}) == ""
    assert provable_text(said, {"speaker": "Ann"}) == provable_text(said, {}) == said
