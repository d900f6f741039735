"""The window of a model: told by the operator, known by its name, or unknown."""

import pytest
from pydantic import ValidationError

from soma.agent.settings import Settings
from soma.agent.windows import window_of, windows_of


@pytest.mark.parametrize(
    ("name", "window"),
    [
        ("openai/gpt-4", 8_192),
        ("openai/gpt-4o-mini", 128_000),
        ("openrouter/openai/gpt-4.1-mini", 1_047_576),
        ("litellm/anthropic/claude-sonnet-4-5", 200_000),
        ("openai/qwen2.5:7b", None),
    ],
)
def test_a_model_is_known_by_the_longest_beginning_of_its_name(name, window):
    assert window_of(name, {}) == window


def test_what_the_operator_says_counts_before_what_is_known():
    told = windows_of(" openai/qwen2.5:7b=4096, openai/gpt-4o=32000 ,")
    assert told == {"openai/qwen2.5:7b": 4_096, "openai/gpt-4o": 32_000}
    assert window_of("openai/gpt-4o", told) == 32_000
    assert window_of("openai/gpt-4o-mini", told) == 128_000


@pytest.mark.parametrize("setting", ["openai/x", "=4096", "openai/x=", "openai/x=many", "openai/x=-1"])
def test_a_window_that_is_none_is_refused_where_it_is_set(setting):
    with pytest.raises(ValidationError, match="pairs of a model and its tokens"):
        Settings(model_windows=setting)
