"""A NUL is found wherever it stands in what was sent."""

import json

import pytest

from soma.validation.nul import find_nul, may_hold_nul


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"text": "plain", "more": ["also", {"plain": 1}]}, None),
        ("a\0b", ()),
        ({"text": "\0"}, ("text",)),
        ({"items": [{"text": "plain"}, {"text": "\0"}]}, ("items", 1, "text")),
        ({"metadata": {"na\0me": 1}}, ("metadata",)),
        ({"na\0me": "\0"}, ()),
    ],
)
def test_a_nul_is_found_by_its_path(value, path):
    assert find_nul(value) == path
    sent = json.dumps(value)
    assert may_hold_nul(sent) == may_hold_nul(sent.encode()) == (path is not None)
