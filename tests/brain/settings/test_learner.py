"""Bounds of what the learner may be told to learn."""

from typing import Any

import pytest
from pydantic import ValidationError

from soma.brain.settings.learner import LearnerSettings

CREDITS = ("asked_again_credit", "corrected_in_chat_credit", "used_by_tool_credit", "copied_credit")


@pytest.mark.parametrize("name", CREDITS)
def test_credit_that_nobody_gave_is_at_most_half_of_a_persons_word(name):
    half: dict[str, Any] = {name: 0.5}
    more: dict[str, Any] = {name: 0.51}
    assert getattr(LearnerSettings(**half), name) == 0.5
    with pytest.raises(ValidationError, match="less than or equal"):
        LearnerSettings(**more)
