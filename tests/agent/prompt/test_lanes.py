"""Shares of the context: the worked numbers, the buffer's floor, the message that no lane may cut."""

from hypothesis import given
from hypothesis import strategies as some

from soma.agent.prompt.lanes import SHARES, budget, largest_message


def test_4000_free_tokens_are_shared_as_in_the_worked_example():
    shares = budget(window=8_192, context_tokens=5_024, max_output_tokens=1_024, message_tokens=0)
    assert shares.base == 4_000
    assert shares.lanes == {
        "system_policy": 600, "history": 1000, "memory": 1000, "tools": 800, "tool_results": 400, "buffer": 200
    }  # fmt: skip


@given(window=some.integers(0, 200_000), context=some.integers(1_024, 200_000), message=some.integers(0, 200_000))
def test_the_buffer_keeps_200_tokens_and_the_lanes_never_exceed_what_is_free(window, context, message):
    shares = budget(window=window, context_tokens=context, max_output_tokens=1_024, message_tokens=message)
    free = max(0, shares.base - message)
    assert shares.lanes["buffer"] >= min(200, free)
    assert min(shares.lanes.values()) >= 0
    assert sum(shares.lanes.values()) <= free
    assert set(shares.lanes) == set(SHARES)


@given(
    base=some.integers(0, 20_000),
    needs=some.dictionaries(some.sampled_from([*SHARES][:-1]), some.integers(0, 10_000)),
)
def test_no_lane_has_less_than_it_needs_of_its_share_nor_more_than_it_needs(base, needs):
    asked = {"window": base, "context_tokens": base, "max_output_tokens": 0, "message_tokens": 0}
    fixed, shared = budget(**asked).lanes, budget(**asked, needs=needs).lanes
    assert sum(shared.values()) <= base
    assert shared["buffer"] == fixed["buffer"] >= min(200, base)
    for name, tokens in shared.items():
        assert tokens >= min(needs.get(name, tokens), fixed[name])
        assert tokens <= needs.get(name, base)


def test_what_a_lane_does_not_need_goes_to_the_others_by_their_shares():
    """Memory gets 5 in 7 of 2,800 tokens; one token that does not divide is left."""
    asked = {"window": 4_000, "context_tokens": 4_000, "max_output_tokens": 0, "message_tokens": 0}
    assert budget(**asked, needs={"system_policy": 100, "history": 0, "tools": 900}).lanes == {
        "system_policy": 100, "history": 0, "memory": 2_000, "tools": 900, "tool_results": 799, "buffer": 200
    }  # fmt: skip


@given(history=some.integers(0, 50_000), longer=some.integers(0, 50_000), tools=some.integers(0, 3_000))
def test_a_history_that_grows_beyond_its_lane_does_not_move_its_beginning(history, longer, tools):
    """The lane holds the whole until it is full; from then on it holds the same."""

    def lane(size):
        needs = {"system_policy": 90, "history": size, "tools": tools}
        asked = {"window": 8_192, "context_tokens": 8_192, "max_output_tokens": 1_024, "message_tokens": 30}
        return budget(**asked, needs=needs).lanes["history"]

    assert lane(history) <= lane(history + longer)
    if lane(history) < history:
        assert lane(history + longer) == lane(history)


def test_the_smaller_of_window_and_setting_counts_and_the_reply_is_reserved_first():
    assert budget(window=4_096, context_tokens=8_192, max_output_tokens=1_024, message_tokens=0).base == 3_072
    assert budget(window=8_192, context_tokens=2_048, max_output_tokens=1_024, message_tokens=0).base == 1_024
    assert budget(window=512, context_tokens=8_192, max_output_tokens=1_024, message_tokens=9).lanes["memory"] == 0


def test_the_largest_message_is_60_percent_of_the_base_and_leaves_room_for_the_rest():
    largest = largest_message(window=8_192, context_tokens=8_192, max_output_tokens=1_024)
    assert largest == 4_300
    lanes = budget(window=8_192, context_tokens=8_192, max_output_tokens=1_024, message_tokens=largest).lanes
    assert lanes["memory"] > 600
