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
        ({"musts": "a"}, "musts", "unknown field"),
        ({"must": None}, "must", "must be text, not null"),
        ({"must": {}}, "must", "must be text, not an object"),
        ({"number": "many"}, "number", "must be a whole number, not 'many'"),
        ({"number": 1.5}, "number", "must be a whole number, not 1.5"),
        ({"number": 10}, "number", "must be at most 9, not 10"),
        ({"number": "x" * 1_000}, "number", f"must be a whole number, not '{'x' * 39}..."),
        ({"share": 0}, "share", "must be greater than 0.0, not 0"),
        ({"share": []}, "share", "must be a number, not a list"),
        ({"number": "1"}, "number", "must be a whole number, not '1'"),
        ({"number": True}, "number", "must be a whole number, not true"),
        ({"flag": "yes"}, "flag", "must be true or false, not 'yes'"),
        ({"flag": 7}, "flag", "must be true or false, not 7"),
        ({"items": []}, "items", "must have at least 1 entry, not 0"),
        ({"items": ["a"] * 3}, "items", "must have at most 2 entries, not 3"),
        ({"items": True}, "items", "must be a list, not true"),
        ({"choice": "c"}, "choice", "must be 'a' or 'b', not 'c'"),
        ({"role": "king"}, "role", "must be 'owner', 'member' or 'viewer', not 'king'"),
        ({"inner": {"text": ""}}, "inner.text", "must have at least 1 character"),
        ({"inner": {"text": "too long"}}, "inner.text", "must have at most 5 characters"),
        ({"inner": "a"}, "inner", "must be an object, not 'a'"),
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
