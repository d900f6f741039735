"""Whatever msgspec finds wrong is told in our words."""

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from soma.brain.errors import BrainRefused
from soma.brain.wire.decoding import decode


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    text: Annotated[str, Meta(min_length=1, max_length=5)]


class Deep(msgspec.Struct):
    one: Literal["a", "b", "c"] | None


class Everything(msgspec.Struct, forbid_unknown_fields=True):
    inner: Inner
    number: Annotated[int, Meta(ge=1, le=9)] = 1
    share: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    flag: bool = False
    items: Annotated[list[str], Meta(max_length=1)] = []
    choice: Literal["a", "b"] = "a"
    deep: list[Deep] | None = None
    maybe: str | None = None


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({}, "inner", "required"),
        ({"inner": {"text": "a", "texts": "b"}}, "inner.texts", "unknown field"),
        ({"inner": {"text": ""}}, "inner.text", "must be text of at least 1 character"),
        ({"inner": {"text": "too long"}}, "inner.text", "must be text of at most 5 characters"),
        ({"inner": 5}, "inner", "must be an object, not a whole number"),
        ({"number": 0}, "number", "must be at least 1"),
        ({"number": "1"}, "number", "must be a whole number, not text"),
        ({"share": 1}, "share", "must be less than 1.0"),
        ({"flag": "yes"}, "flag", "must be true or false, not text"),
        ({"items": ["a", "b"]}, "items", "must be a list of at most 1 entry"),
        ({"items": [5]}, "items[0]", "must be text, not a whole number"),
        ({"choice": "c"}, "choice", "must be 'a' or 'b', not 'c'"),
        ({"deep": [{"one": "d"}]}, "deep[0].one", "must be 'a', 'b' or 'c', not 'd'"),
        ({"deep": [{"one": 1e308}]}, "deep[0].one", "must be text, not a number"),
        ({"maybe": 5}, "maybe", "must be text, not a whole number"),
    ],
)
def test_a_fault_is_told_by_field_with_what_is_wanted_and_what_came(body, field, message):
    whole = body if "inner" in body or not body else {"inner": {"text": "a"}, **body}
    with pytest.raises(BrainRefused) as refused:
        decode(msgspec.json.encode(whole), Everything)
    assert (refused.value.field, refused.value.message) == (field, message)
