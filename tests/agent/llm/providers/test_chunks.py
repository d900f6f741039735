"""Chunks of real servers, right and wrong: fields of another type are skipped, and the result can be stored."""

import json
from typing import Any

import pytest

from soma.agent.llm.base import Finished, Usage
from soma.agent.llm.providers.answer_text import ThinkingFilter
from soma.agent.llm.providers.chunks import ChunkReader

from .provider import chunk
from .reading import HALVES, STOP, piece, read

ANYTHING: list[Any] = [
    None,
    True,
    1,
    -1,
    2**70,
    1e308,
    float("nan"),
    "",
    "x" * 5_000,
    [],
    [1],
    ["x"],
    {},
    {"a": {"b": []}},
]


@pytest.mark.parametrize("value", ANYTHING, ids=repr)
def test_a_field_of_another_type_is_passed_over_and_the_answer_stands(value: Any) -> None:
    odd = [
        {"choices": value},
        {"choices": [value]},
        {"choices": [{"index": value, "delta": {}}]},
        {"choices": [{"index": 0, "delta": value}]},
        {"choices": [{"index": 0, "delta": {"role": value, "tool_calls": value, "function_call": value}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": None, "logprobs": value}]},
        {"choices": [{"index": 0, "delta": {}, "logprobs": {"content": value}}]},
        {"choices": [{"index": 0, "delta": {}, "logprobs": {"content": [{"logprob": value}]}}]},
        chunk({"tool_calls": [{"index": 0, "id": value, "function": "calculator"}]}),
        {"usage": value, "choices": []},
        {"usage": {"prompt_tokens": value, "completion_tokens": value, "cost": value}},
        {"id": value, "model": value, "object": value, "created": value, "system_fingerprint": value},
    ]
    response = read(*odd, chunk({"content": "Good."}), *odd, STOP, *odd)
    assert (response.text, response.finish_reason, response.tool_calls) == ("Good.", "stop", ())


@pytest.mark.parametrize("value", [1, True, [], {"type": "stop"}, "", "null"], ids=repr)
def test_a_finish_reason_that_is_no_word_is_none(value: Any) -> None:
    reader = ChunkReader(seed=7, max_output_tokens=64)
    assert not list(reader.read(json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": value}]})))
    assert not reader.is_finished


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (1151, -35),
        (20, -35),
        (-1, 5),
        (True, 5),
        ("12", 5),
        (12.5, 5),
        (None, 5),
        (2**70, 5),
        (float("nan"), 5),
        ([], 5),
    ],
)
def test_usage_that_cannot_be_a_count_is_no_usage(asked: Any, answered: Any) -> None:
    usage = {"choices": [], "usage": {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": 1116}}
    assert read(chunk({"content": "A."}), STOP, usage).usage is None
    before = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    assert read(chunk({"content": "A."}), before, STOP, usage).usage == Usage(input_tokens=3, output_tokens=1)


@pytest.mark.parametrize("value", [5_000, True, float("nan"), float("-inf"), float("inf"), "-0.5", None, -(10**400)])
def test_a_logprob_that_is_none_is_passed_over(value: Any) -> None:
    logprobs = {"content": [{"logprob": -0.5}, {"logprob": value}]}
    assert read(chunk({"content": "a"}, logprobs=logprobs), STOP).logprobs == (-0.5,)


@pytest.mark.parametrize(
    "contents",
    [
        [[{"type": "text", "text": "List "}], [{"type": "text", "text": "answer."}]],
        [
            [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}],
            [{"type": "text", "text": "List answer."}],
        ],
        [{"type": "text", "text": "List "}, "answer."],
        [[{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "List "}, {"text": "answer."}]],
        [["List ", {"type": "output_text", "text": "answer."}, {"type": "image_url", "image_url": {"url": "x"}}, 5]],
    ],
)
def test_content_in_parts_is_the_text_of_its_text_parts(contents: list[Any]) -> None:
    assert read(*(chunk({"content": content}) for content in contents), STOP).text == "List answer."


def test_an_answer_has_so_many_probabilities_as_it_may_have_tokens_and_not_many_more() -> None:
    logprobs = {"content": [{"logprob": -0.5}] * 5_000}
    assert len(read(chunk({"content": "a"}, logprobs=logprobs), STOP, max_output_tokens=100).logprobs) == 200


def test_a_refusal_in_a_field_of_its_own_is_the_answer() -> None:
    assert read(chunk({"content": None, "refusal": "I cannot "}), chunk({"refusal": "help."}), STOP).text == (
        "I cannot help."
    )


@pytest.mark.parametrize("field", ["content", "arguments"])
def test_an_answer_without_end_is_cut_at_a_multiple_of_what_was_allowed(field: str) -> None:
    part = "x" * 10_000
    endless = chunk({"content": part}) if field == "content" else piece("add", part)
    response = read(*[endless] * 100, max_output_tokens=1_000)
    said = response.text + "".join(call.raw for call in response.tool_calls)
    assert (len(said), response.finish_reason) == (32_000, "length")


@pytest.mark.parametrize(
    "delta", [{"reasoning_content": "x" * 10_000}, {"content": "<think>" + "x" * 10_000}, {"content": " " * 9_999}]
)
def test_thinking_without_end_is_cut_too(delta: dict[str, Any]) -> None:
    response = read(*[chunk(delta)] * 1_000, max_output_tokens=1_000)
    assert (len(response.text) <= 32_000, response.finish_reason) == (True, "length")


@pytest.mark.parametrize("joint", [[], [chunk({"content": ""})], [chunk({"content": None})]])
def test_halves_of_a_character_in_two_chunks_are_joined(joint: list[Any]) -> None:
    first, second = (f'{{"choices":[{{"delta":{{"content":"{half}"}}}}]}}' for half in HALVES)
    assert (
        read(chunk({"content": "Happy "}), first, *joint, second, chunk({"content": " day."}), STOP).text
        == "Happy 😀 day."
    )
    assert read(chunk({"content": "Happy"}), first, STOP).text == "Happy\ufffd"
    assert read(second, chunk({"content": "day"}), STOP).text == "\ufffdday"


def test_nul_is_taken_out_where_the_text_comes_in() -> None:
    assert read(chunk({"content": "A nul \x00 inside."}), chunk(finish_reason="st\x00op")).text == "A nul  inside."


@pytest.mark.parametrize(
    "thought",
    [
        "<think>secret plan</think>",
        "<think>a</think>\n<think>b</think>\n\n",
        "\n<THINK>\nif x < y: </thinker>\n</think>\n\n",
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_thinking_before_an_answer_is_no_part_of_it(thought: str, size: int) -> None:
    text = thought + "Visible <think>as İ text</think>"
    response = read(*(chunk({"content": text[at : at + size]}) for at in range(0, len(text), size)), STOP)
    assert (response.text, response.has_thought) == ("Visible <think>as İ text</think>", True)


def test_blanks_before_an_answer_are_held_back_only_so_long() -> None:
    held = ThinkingFilter()
    assert held.add(" " * 999) == ""
    assert held.add(" ") == " " * 1_000


@pytest.mark.parametrize("text", ["<thin", "<b>bold</b>", " \n indented", "a <think> b", "<thinker>"])
def test_what_only_looks_like_thinking_is_the_answer(text: str) -> None:
    assert read(*(chunk({"content": sign}) for sign in text), STOP).text == text


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "<think>still"},
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"thinking": "hm"},
        {"content": [{"type": "thinking"}]},
    ],
)
def test_only_thinking_is_told_from_no_answer(delta: dict[str, Any]) -> None:
    response = read(chunk(delta), STOP)
    assert (response.text, response.has_thought) == ("", True)


@pytest.mark.parametrize("size", [1, 4, 1_000])
@pytest.mark.parametrize("thought", ["secret plan</think>", "if x < y:\n</THINK>\n\n", "<b>plan</b> </thinking> "])
def test_thinking_whose_opening_tag_is_missing_is_taken_back(thought: str, size: int) -> None:
    text = thought + "Visible `</think>`"
    response = read(*(chunk({"content": text[at : at + size]}) for at in range(0, len(text), size)), STOP)
    assert (response.text, response.has_thought) == ("Visible `</think>`", True)


@pytest.mark.parametrize(
    "text", ["The tag `</think>` ends it.", "First <think> opens, then </think> closes.", "a </thin"]
)
def test_a_tag_that_is_spoken_of_takes_nothing_back(text: str) -> None:
    assert read(*(chunk({"content": sign}) for sign in text), STOP).text == text


def test_what_follows_a_reason_to_end_is_read() -> None:
    chunks = [chunk({"content": word}, "stop") for word in ("First ", "second.")]
    assert read(*chunks).text == "First second."


def test_other_choices_are_passed_over() -> None:
    def choice(index: int, text: str) -> dict[str, Any]:
        return {"index": index, "delta": {"content": text}}

    both = {"choices": [choice(1, "SECOND"), choice(0, "Fi")]}
    assert read(both, {"choices": [choice(1, "SECOND")]}, {"choices": [choice(0, "rst.")]}, STOP).text == "First."


@pytest.mark.parametrize(
    ("word", "reason"),
    [("length", "length"), ("MAX_TOKENS", "length"), ("content_filter", "content_filter"),
     ("SAFETY", "content_filter"), ("end_turn", "end_turn"), ("x" * 5_000, "x" * 64)],
)  # fmt: skip
def test_words_that_mean_the_same_are_one(word: str, reason: str) -> None:
    assert read(chunk({"content": "half"}), chunk(finish_reason=word)).finish_reason == reason
    assert read(chunk({"content": "half"}), chunk(finish_reason="length"), STOP).finish_reason == "length"


SAID_NOTHING = [
    "",
    "   ",
    "keepalive",
    ": PROCESSING",
    "ping",
    "OK",
    "null",
    "5",
    "true",
    '"x"',
    "[]",
    '{"type":"ping","message":"p"}',
]


@pytest.mark.parametrize("frame", SAID_NOTHING)
def test_a_frame_that_says_nothing_is_passed_over(frame: str) -> None:
    assert read(frame, chunk({"content": "Good."}), frame, STOP, frame).text == "Good."


def test_the_end_comes_once_and_last() -> None:
    reader = ChunkReader(seed=7, max_output_tokens=64)
    assert [type(delta) for delta in reader.finish()] == [Finished]
