"""Errors that a provider sends in place of a chunk: whatever their shape, its words arrive."""

from typing import Any

import pytest

from soma.agent.llm.base import ModelError, ModelUnauthorized, ModelUnavailable

from .provider import chunk
from .reading import STOP, read


@pytest.mark.parametrize(
    ("said", "words", "kind"),
    [
        ({"object": "error", "message": "maximum context length is 4096", "code": 40303}, "length is 4096", ModelError),
        ({"text": "CUDA out of memory", "error_code": 50002}, "CUDA out of memory", ModelUnavailable),
        ({"detail": "Model is not loaded"}, "Model is not loaded", ModelUnavailable),
        ({"detail": [{"loc": ["body"], "msg": "field required"}]}, "field required", ModelUnavailable),
        ({"errors": [{"message": "no model"}]}, "no model", ModelUnavailable),
        ({"error_msg": "no quota", "error_code": 429}, "no quota", ModelUnavailable),
        ({"error": {"message": "bad", "type": "invalid_request_error"}}, "bad", ModelError),
        ({"error": {"error": {"message": "nested", "code": 401}}}, "nested", ModelUnauthorized),
        ({"error": True, "message": "words beside"}, "words beside", ModelUnavailable),
        ({"error": {"message": "who", "code": "invalid_api_key"}}, "who", ModelUnauthorized),
        ([{"error": {"message": "in a list", "code": 400}}], "in a list", ModelError),
        ({"error": {"message": "a\x00b \ud83d \x1b[2J"}}, "ab \ufffd", ModelUnavailable),
        ({"error": "x" * 9_000}, "x" * 500, ModelUnavailable),
        ({"error": 5}, "gave no reason", ModelUnavailable),
        (chunk(error={"message": "in a choice"}), "in a choice", ModelUnavailable),
        (chunk(finish_reason="error"), "broke off", ModelUnavailable),
    ],
)  # fmt: skip
def test_an_error_in_place_of_a_chunk_keeps_its_words(said: Any, words: str, kind: type[ModelError]) -> None:
    with pytest.raises(ModelError) as raised:
        read(chunk({"content": "half"}), said)
    assert words in str(raised.value)
    assert type(raised.value) is kind
    assert len(str(raised.value).encode()) < 2_100


def test_an_error_behind_a_whole_answer_takes_nothing_from_it() -> None:
    assert read(chunk({"content": "whole"}), STOP, {"error": "late"}, "{broken").text == "whole"
    with pytest.raises(ModelError, match="late"):
        read(chunk({"content": "half"}), chunk(finish_reason="length"), {"error": "late"})


def test_an_error_behind_an_answer_that_says_nothing_is_told() -> None:
    with pytest.raises(ModelError, match="late"):
        read(STOP, {"error": "late"})
