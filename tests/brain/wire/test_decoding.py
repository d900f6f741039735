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
        ({}, "inner", "this is required"),
        ({"inner": {"text": "a", "texts": "b"}}, "inner.texts", "there is no such field"),
        ({"inner": {"text": ""}}, "inner.text", "text of at least 1 character is wanted"),
        ({"inner": {"text": "too long"}}, "inner.text", "text of at most 5 characters is wanted"),
        ({"inner": 5}, "inner", "an object is wanted, not a whole number"),
        ({"number": 0}, "number", "at least 1 is wanted"),
        ({"number": "1"}, "number", "a whole number is wanted, not text"),
        ({"share": 1}, "share", "less than 1.0 is wanted"),
        ({"flag": "yes"}, "flag", "true or false is wanted, not text"),
        ({"items": ["a", "b"]}, "items", "a list of at most 1 entry is wanted"),
        ({"items": [5]}, "items[0]", "text is wanted, not a whole number"),
        ({"choice": "c"}, "choice", "'a' or 'b' is wanted, not 'c'"),
        ({"deep": [{"one": "d"}]}, "deep[0].one", "'a', 'b' or 'c' is wanted, not 'd'"),
        ({"deep": [{"one": 1e308}]}, "deep[0].one", "text is wanted, not a number"),
        ({"maybe": 5}, "maybe", "text is wanted, not a whole number"),
    ],
)
def test_a_fault_is_told_by_field_with_what_is_wanted_and_what_came(body, field, message):
    whole = body if "inner" in body or not body else {"inner": {"text": "a"}, **body}
    with pytest.raises(BrainRefused) as refused:
        decode(msgspec.json.encode(whole), Everything)
    assert (refused.value.field, refused.value.message) == (field, message)
