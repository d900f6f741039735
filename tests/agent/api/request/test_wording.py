"""Whatever pydantic finds wrong is told in our words."""

import re
from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from soma.agent.api.request.body import Body
from soma.agent.api.request.json_object import validate
from soma.agent.errors import Invalid
from soma.agent.models import Role
from soma.agent.settings import Settings
from soma.brain.settings import BrainSettings
from soma.validation.pydantic_errors import describe_requirement

THEIRS = re.compile(r"[Ii]nput|[Vv]alue error|valid (string|integer|number|boolean|list)|validation|permitted")


class Inner(Body):
    text: Annotated[str, Field(min_length=1, max_length=5)] = "a"


class Everything(Body):
    must: str = "here"
    number: Annotated[int, Field(ge=1, le=9)] = 1
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    flag: bool = False
    items: list[str] = Field(default_factory=lambda: ["a"], min_length=1, max_length=2)
    choice: Literal["a", "b"] = "a"
    role: Role = Field(Role.MEMBER, strict=False)
    inner: Inner = Field(default_factory=Inner)


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"musts": "a"}, "musts", "there is no such field"),
        ({"must": None}, "must", "text is wanted, not null"),
        ({"must": {}}, "must", "text is wanted, not an object"),
        ({"number": "many"}, "number", "a whole number is wanted, not 'many'"),
        ({"number": 1.5}, "number", "a whole number is wanted, not 1.5"),
        ({"number": 10}, "number", "at most 9 is wanted, not 10"),
        ({"number": "x" * 1_000}, "number", f"a whole number is wanted, not '{'x' * 39}..."),
        ({"share": 0}, "share", "more than 0.0 is wanted, not 0"),
        ({"share": []}, "share", "a number is wanted, not a list"),
        ({"number": "1"}, "number", "a whole number is wanted, not '1'"),
        ({"number": True}, "number", "a whole number is wanted, not true"),
        ({"flag": "yes"}, "flag", "true or false is wanted, not 'yes'"),
        ({"flag": 7}, "flag", "true or false is wanted, not 7"),
        ({"items": []}, "items", "at least 1 entry is wanted, not 0"),
        ({"items": ["a"] * 3}, "items", "at most 2 entries are wanted, not 3"),
        ({"items": True}, "items", "a list is wanted, not true"),
        ({"choice": "c"}, "choice", "'a' or 'b' is wanted, not 'c'"),
        ({"role": "king"}, "role", "'owner', 'member' or 'viewer' is wanted, not 'king'"),
        ({"inner": {"text": ""}}, "inner.text", "at least 1 character is wanted"),
        ({"inner": {"text": "too long"}}, "inner.text", "at most 5 characters are wanted"),
        ({"inner": "a"}, "inner", "an object is wanted, not 'a'"),
    ],
)
def test_a_fault_is_told_by_field_with_what_is_wanted_and_what_came(body, field, message):
    with pytest.raises(Invalid) as refused:
        validate(body, Everything)
    assert (refused.value.field, refused.value.message) == (field, message)
    assert not THEIRS.search(message)


@pytest.mark.parametrize("value", ["", "many", "-1", "1e99", "nowhere://"])
@pytest.mark.parametrize("group", [Settings, BrainSettings])
def test_no_setting_is_refused_in_words_of_pydantic(group, value):
    with pytest.raises(ValidationError) as refused:
        group.model_validate(dict.fromkeys(group.model_fields, value))
    for fault in refused.value.errors():
        assert not THEIRS.search(describe_requirement(fault)), fault
