import pytest
from hypothesis import given
from hypothesis import strategies as st

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.observations import ShownMemory
from soma.brain.core.serving.pack import PackCandidate, PackedMemories, duplicate_pairs, pack
from soma.brain.core.serving.plan import EVALUATIONS, Menu, Option, Worth, evaluate, plan
from soma.brain.core.serving.rank import rank, score_candidates, z_scores

pytestmark = pytest.mark.learning

VIEWS = ("semantic", "temporal")


def nothing_alike(_one: str, _other: str) -> bool:
    return False


def packed(candidates: list[PackCandidate], **more) -> PackedMemories:
    return pack(candidates, **{"token_budget": 1000, "is_duplicate": nothing_alike, **more})


def lane(*attention: float, tokens: int = 10) -> list[PackCandidate]:
    return [PackCandidate(f"m{index}", share, tokens) for index, share in enumerate(attention)]


def test_a_score_is_weight_times_view_summed() -> None:
    candidates = [ShownMemory("a", (65535, 0)), ShownMemory("b", (0, 65535)), ShownMemory("c", (13107, 13107))]
    assert score_candidates(candidates, VIEWS, VIEWS, (1.0, 0.5)) == pytest.approx([1.0, 0.5, 0.3])
    assert score_candidates(candidates, VIEWS, ("temporal", "unknown"), (0.5, 9.0)) == pytest.approx([0.0, 0.5, 0.1])


def test_ranking_is_best_first_and_ties_go_by_id() -> None:
    rows = rank(
        [ShownMemory("b", (9, 0)), ShownMemory("a", (9, 0)), ShownMemory("c", (99, 0))], VIEWS, VIEWS, (1.0, 0.1), 0.7
    )
    assert [row.id for row in rows] == ["c", "a", "b"]
    assert sum(row.attention for row in rows) == pytest.approx(1.0)
    assert rank([], VIEWS, VIEWS, (1.0, 0.1), 0.7) == []


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=40))
def test_standing_has_mean_zero(scores: list[float]) -> None:
    assert sum(z_scores(scores)) == pytest.approx(0.0, abs=1e-3)


def test_alike_candidates_share_attention_alike() -> None:
    rows = rank([ShownMemory(key, (7, 7)) for key in "abcd"], VIEWS, VIEWS, (1.0, 0.1), 0.4)
    assert [row.attention for row in rows] == [0.25] * 4


def test_packing_stops_at_nine_tenths_of_the_attention() -> None:
    assert packed(lane(0.5, 0.3, 0.12, 0.05, 0.03)).shown == ("m0", "m1", "m2")


def test_packing_never_shows_half_a_memory() -> None:
    long_second = [PackCandidate("a", 0.4, 60), PackCandidate("b", 0.3, 60), PackCandidate("c", 0.3, 40)]
    found = packed(long_second, token_budget=100)
    assert found.shown == ("a", "c")
    assert found.too_long == ("b",)
    assert found.tokens == 100


def test_near_duplicates_are_dropped_and_spoken_for() -> None:
    found = packed(lane(0.4, 0.4, 0.1, 0.1), is_duplicate=duplicate_pairs([("m1", "m0")]))
    assert found.shown == ("m0", "m2")
    assert found.duplicates == ("m1",)


def test_a_tool_call_is_never_parted_from_its_result() -> None:
    parts = [
        PackCandidate("call", 0.3, 30, "g"),
        PackCandidate("note", 0.3, 30),
        PackCandidate("result", 0.2, 50, "g"),
        PackCandidate("rest", 0.2, 10),
    ]
    assert packed(parts).shown == ("call", "result", "note", "rest")
    assert packed(parts, token_budget=70).shown == ("note", "rest")
    assert packed(parts, limit=1).shown == ("note",)


def test_diversity_is_the_share_of_candidates_that_attention_and_duplicates_leave() -> None:
    assert packed(lane(0.5, 0.4, 0.1, 0.0)).diversity == 0.5
    assert packed(lane(0.5, 0.4, 0.1, 0.0), limit=3).diversity == pytest.approx(2 / 3)


def test_where_attention_decides_nothing_there_is_no_diversity_to_steer_by() -> None:
    assert packed([]).diversity is None
    assert packed(lane(0.5, 0.5)).diversity is None, "all that bears on the question is shown"
    assert packed(lane(0.5, 0.25, 0.25), limit=2).diversity is None


MENU = Menu(
    memories=tuple(Option(f"{n}", gain=0.9 * n / (n + 4), tokens=60 * n) for n in (0, 2, 4, 8, 16, 32)),
    prompts=(Option("short", gain=0.05, tokens=100), Option("full", gain=0.1, tokens=600)),
    models=(
        Option("small", gain=0.3, token_cost=1e-6, token_ms=0.2, latency_ms=300),
        Option("medium", gain=0.5, token_cost=5e-6, token_ms=0.5, latency_ms=700),
        Option("large", gain=0.7, token_cost=2e-5, token_ms=1.0, latency_ms=1500),
    ),
    tools=(Option("none"), Option("one", gain=0.1, tokens=200, latency_ms=300)),
)
SHIPPED = Worth(1.0, 0.1, 0.05)


def test_a_plan_is_found_within_twenty_evaluations(hyperparameters: Hyperparameters) -> None:
    choice = plan(MENU, SHIPPED, hyperparameters)
    assert choice.evaluations <= EVALUATIONS
    assert choice.best.utility >= choice.runners_up[0].utility >= choice.runners_up[1].utility
    assert choice.best.utility > evaluate(MENU, (0, 0, 0, 0), SHIPPED, hyperparameters).utility


def test_the_climb_comes_near_the_best_of_all_plans(hyperparameters: Hyperparameters) -> None:
    everything = [
        evaluate(MENU, (a, b, c, d), SHIPPED, hyperparameters).utility
        for a in range(6)
        for b in range(2)
        for c in range(3)
        for d in range(2)
    ]
    assert plan(MENU, SHIPPED, hyperparameters).best.utility >= max(everything) - 0.02


def test_utility_is_gain_less_cost_less_latency(hyperparameters: Hyperparameters) -> None:
    found = evaluate(MENU, (1, 0, 1, 0), SHIPPED, hyperparameters)
    assert found.gain == pytest.approx(1 - 0.7 * 0.95 * 0.5)
    assert found.cost == pytest.approx(220 * 5e-6)
    assert found.latency_ms == pytest.approx(700 + 110)
    assert found.utility == pytest.approx(found.gain - 0.1 * 0.11 - 0.05 * 0.405)


def test_each_axis_needs_an_option(hyperparameters: Hyperparameters) -> None:
    with pytest.raises(ValueError, match="axis"):
        plan(MENU._replace(tools=()), SHIPPED, hyperparameters)
