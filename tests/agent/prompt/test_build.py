"""One model call from the turn so far: results beside their calls, whole exchanges, everything within its lane."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as some
from tests.agent.making import LANES, TURN, bundle, memory, response, used

from soma.agent.llm.base import MemoryPart, ModelMessage, ToolCall, ToolResultPart, ToolSpec
from soma.agent.llm.providers.chat_completions import request_body
from soma.agent.prompt.build import (
    REVISE,
    SHORTENED,
    Material,
    Prompt,
    build_prompt,
    seed_of,
    shorten,
)
from soma.agent.prompt.history import Exchange, fit_history
from soma.agent.record.turn import IterationRecord, TurnRecord

LINE = 6  # words of the line that says how many exchanges are not shown


def words(text: str) -> int:
    return len(text.split())


def parts(*messages: ModelMessage) -> list[Any]:
    return [part for message in messages for part in message.parts]


def texts(message: ModelMessage) -> list[str]:
    return [part.text for part in parts(message)]


def built(record: TurnRecord | None = None, **fields) -> Prompt:
    material: dict[str, Any] = {
        "instructions": "be kind", "message": "what now?", "asked_at": TURN.created_at, "timezone": "Europe/Berlin",
        "fence": "f", "history": [], "lanes": LANES, "tools": [], "seed": 7, "max_output_tokens": 99,
        "iterations": iterations(record or turn_of(fields.pop("bundle", bundle()))),
    }  # fmt: skip
    return build_prompt(Material(**material | fields), words)


def iterations(record: TurnRecord) -> list[IterationRecord]:
    """Those of `record`, each with its memories, and the one that is asked next."""
    for number in range(len(record.responses) + 1):
        if not record.has_evidence_for(number):
            record.apply(bundle(number))
    return [record.iterations[number] for number in sorted(record.iterations)]


def turn_of(*facts) -> TurnRecord:
    record = TurnRecord(TURN)
    for fact in facts:
        record.apply(fact)
    return record


def test_the_seed_is_that_of_the_worked_example():
    assert seed_of("turn-1", 0) == 1816807382
    assert seed_of("turn-1", 1) != seed_of("turn-1", 0)


def test_a_first_call_is_instructions_history_memories_and_the_message():
    prompt = built(history=[Exchange("hi", "hello")], bundle=bundle(0, memory(1, metadata={"speaker": "Ann"})))
    assert [message.role for message in prompt.request.messages] == ["system", "user", "assistant", "user"]
    shown, now, asked = parts(prompt.request.messages[-1])
    assert (shown.number, shown.id, shown.author) == (1, "m1", "Ann")
    assert now.text == "It is now Friday, 20 November 2026, 11:00, Europe/Berlin (UTC+01:00)."
    assert asked.text == "what now?"
    assert (prompt.request.seed, prompt.request.max_output_tokens) == (7, 99)


def test_what_consolidation_made_is_marked_and_has_no_author():
    made = memory(1, metadata={"speaker": "Ann", "synthesised": "nrem", "sources": ["m2", "m3"]})
    prompt = built(bundle=bundle(0, made, memory(2, metadata={"speaker": "Ann"})))
    summary, said, *_ = parts(prompt.request.messages[-1])
    assert [(part.made_from, part.author) for part in (summary, said)] == [(2, None), (0, "Ann")]
    wire = request_body(prompt.request, model="any")["messages"][-1]["content"]
    assert "[1] (a summary made from 2 memories, nobody's own words)" in wire
    assert "[2] (Ann)" in wire


# History


@given(sizes=some.lists(some.tuples(some.integers(1, 30), some.integers(1, 30)), max_size=20),
       lane=some.integers(0, 200))  # fmt: skip
def test_history_keeps_the_newest_whole_exchanges_at_least_half_of_what_fits_and_counts_the_rest(sizes, lane):
    history = [Exchange("q " * asked, "a " * said) for asked, said in sizes]
    messages, dropped = fit_history(history, lane, words)
    kept = messages[1:] if messages and messages[0].role == "system" else messages
    assert len(kept) == 2 * (len(history) - dropped)
    assert [texts(message)[0] for message in kept] == [
        text for exchange in history[dropped:] for text in (exchange.user, exchange.assistant)
    ]
    assert sum(words(texts(message)[0]) for message in messages) <= lane
    fewest = next(number for number in range(len(sizes) + 1) if sum(map(sum, sizes[number:])) <= max(0, lane - LINE))
    if dropped:
        assert 2 * sum(map(sum, sizes[dropped:])) >= sum(map(sum, sizes[fewest:]))


def test_one_line_says_how_many_exchanges_are_not_shown():
    messages, dropped = fit_history([Exchange("q", "a")] * 9, 2 + LINE, words)
    assert dropped == 8
    assert (messages[0].role, texts(messages[0])) == ("system", ["[8 earlier exchanges are not shown]"])


def test_what_a_lane_left_out_is_told_beside_what_it_used():
    prompt = built(
        history=[Exchange("q " * 900, "a"), Exchange("q " * 200, "a")], bundle=bundle(token_count=9, dropped=4)
    )
    assert prompt.lanes["history"] == {"budget": 1000, "actual": 201 + LINE, "dropped": 1}
    assert prompt.lanes["memory"] == {"budget": 1000, "actual": 9, "dropped": 4}


def test_numbers_that_earlier_answers_cite_are_not_shown_for_they_would_name_memories_of_this_turn():
    said = "Two years [2], or three [1, 3].\n`x[1]` is code [4]; see [5](https://a.b)."
    prompt = built(history=[Exchange("how long [2]?", said)], bundle=bundle(0, memory(1), memory(2)))
    assert texts(prompt.request.messages[1]) == ["how long [2]?"]
    assert texts(prompt.request.messages[2]) == ["Two years, or three.\n`x[1]` is code; see [5](https://a.b)."]


def test_memories_keep_their_numbers_in_a_turn_and_new_ones_stand_behind_what_found_them():
    again = bundle(1, memory(3), memory(2))
    record = turn_of(bundle(0, memory(1), memory(2)), response(0, "a draft [2]"), again)
    messages = built(record).request.messages
    assert [part.number for part in parts(messages[1]) if isinstance(part, MemoryPart)] == [1, 2]
    assert texts(messages[2]) == ["a draft [2]"]
    new, wish = parts(messages[3])
    assert (new.number, new.id, wish.text) == (3, "m3", REVISE)
    assert [shown.id for shown in record.shown_by(1)] == ["m1", "m2", "m3"]


def test_memories_that_an_iteration_adds_keep_to_the_lane_too():
    long = [memory(number, "word " * 600) for number in (1, 2, 3)]
    record = turn_of(bundle(0, long[0], token_count=600), response(0, "", "a"), *used(0, "a"), bundle(1, *long[1:]))
    prompt = built(record)
    assert prompt.lanes["memory"] == {"budget": 1000, "actual": 600, "dropped": 2}
    assert [part.id for part in parts(*prompt.request.messages) if isinstance(part, MemoryPart)] == ["m1"]


def test_a_model_in_process_learns_how_near_in_meaning_a_memory_is():
    parts = built(bundle=bundle(0, memory(1, similarity=0.61))).request.messages[-1].parts
    assert [part.similarity for part in parts if isinstance(part, MemoryPart)] == [0.61]


def test_a_memory_says_in_words_and_to_the_minute_when_it_was_said():
    said = memory(1, metadata={"role": "user"}, occurred_at="2026-05-03T12:05:00.000000+00:00")
    dated = memory(2, metadata={"source": "a.md"}, occurred_at="2026-05-03T00:00:00.000004+00:00", source="a.md")
    prompt = built(bundle=bundle(0, said, dated))
    wire = request_body(prompt.request, model="any")["messages"][-1]["content"]
    assert "[1] (user, said on 3 May 2026 at 14:05) Miso" in wire
    assert "[2] (of 3 May 2026, a.md) Miso" in wire


# Tools


def test_a_result_stands_behind_its_call_in_the_order_they_were_asked():
    record = turn_of(
        response(0, "let me see", "clock", "recall"),
        *used(0, "clock", content="noon", index=0),
        *used(0, "recall", content="a cat", index=1),
    )
    asked, first, second = built(record).request.messages[-3:]
    assert asked.role == "assistant"
    assert [part.call_id for part in parts(asked) if isinstance(part, ToolCall)] == ["0.0", "0.1"]
    assert [(part.call_id, part.content) for part in parts(first, second)] == [
        ("0.0", "noon"), ("0.1", "a cat"),
    ]  # fmt: skip


def test_a_result_too_long_for_its_lane_is_shortened_and_says_so_but_never_left_out():
    record = turn_of(
        response(0, "", "a", "b"), *used(0, "a", content="x " * 5_000), *used(0, "b", content="y " * 5_000, index=1)
    )
    prompt = built(record)
    results = [part for part in parts(*prompt.request.messages) if isinstance(part, ToolResultPart)]
    assert len(results) == 2
    assert all(result.content.endswith(SHORTENED) for result in results)
    assert prompt.lanes["tool_results"]["actual"] <= LANES["tool_results"]


def test_a_call_without_a_result_is_told_as_unknown():
    record = turn_of(response(0, "", "a"), *used(0, "a")[:2])
    result = parts(built(record).request.messages[-1])[0]
    assert result.is_error
    assert "unknown" in result.content


def test_what_a_tool_of_many_iterations_said_shares_one_lane():
    facts = [fact for n in range(5) for fact in (response(n, "", "a"), *used(n, "a", content=f"{n} " * 1_000))]
    prompt = built(turn_of(*facts))
    assert prompt.lanes["tool_results"]["actual"] <= LANES["tool_results"]


def test_offered_tools_are_counted_in_their_lane():
    spec = ToolSpec(name="clock", description="tells the time", parameters={"type": "object"})
    assert built(tools=[spec]).request.tools == (spec,)
    assert built(tools=[spec]).lanes["tools"]["actual"] > 0


@given(text=some.text(max_size=400), budget=some.integers(0, 60))
def test_a_shortened_text_is_the_beginning_of_the_whole_one(text, budget):
    short = shorten(text, budget, len)
    assert short == text if len(text) <= budget else text.startswith(short.removesuffix(SHORTENED))
    assert len(short) <= max(budget, len(SHORTENED))


# Drafts


def test_a_draft_is_followed_by_the_wish_to_revise_it():
    record = turn_of(bundle(), response(0, "a draft"))
    draft, wish = built(record).request.messages[-2:]
    assert (draft.role, texts(draft)) == ("assistant", ["a draft"])
    assert (wish.role, texts(wish)) == ("user", [REVISE])


def test_the_hash_covers_the_whole_request():
    assert built().hash == built().hash
    assert built().hash != built(seed=8).hash
    assert built().hash != built(message="else").hash
