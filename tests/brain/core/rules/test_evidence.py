from typing import Any

import pytest
from msgspec.structs import replace

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import learn
from soma.brain.core.observations import Evidence, EvidenceSource, ShownMemory
from soma.brain.core.serving.serve import serve
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import Views

pytestmark = pytest.mark.learning

RECENT_HELPS = {
    "new": {"semantic": 0.5, "temporal": 1.0, "old": 0.0},
    "mid": {"semantic": 0.5, "temporal": 0.5, "old": 0.5},
    "aged": {"semantic": 0.5, "temporal": 0.0, "old": 1.0},
}


def taught(
    hyperparameters: Hyperparameters, seen: Evidence, times: int, *, start: LearnerState | None = None
) -> LearnerState:
    state = start or LearnerState.initial(hyperparameters)
    for _ in range(times):
        state, _ = learn(state, seen, hyperparameters)
    return state


def test_one_step_worked_out_by_hand(evidence) -> None:
    hyperparameters = Hyperparameters(
        views=Views.of({"semantic": 1.0}), learner_temperature=0.25, evidence_step=0.3, doubt=0.2, curvature_start=2.0
    )
    seen = evidence({"a": {"semantic": 1.0}, "b": {"semantic": 0.0}}, "b")
    state, told = learn(LearnerState.initial(hyperparameters), seen, hyperparameters)
    # p(a) = 1 / (1 + e^-4) = 0.98201, p(b) = 0.01799; r = 0.8 p(b) / (0.8 p(b) + 0.2 / 2) = 0.12579
    # g = r (0 - 0.98201) / 0.25 = -0.49411; H = r p(a) p(b) / 0.25^2 = 0.03555; lr_eff / lr_base = 0.5 + 0.4
    # w = 1 + 0.3 0.9 (-0.49411) / (2 + 0.03555) = 0.93446
    assert told.gradient == pytest.approx((-0.49411,), abs=1e-5)
    assert state.retrieval.curvatures == pytest.approx((0.03555,), abs=1e-5)
    assert state.weights["alpha"] == pytest.approx(0.93446, abs=1e-5)
    assert told.judgement is not None
    assert told.judgement.meant == pytest.approx(0.12579, abs=1e-5)
    assert told.judgement.advantage == 0.0
    assert told.clipped_names == ()


def test_what_no_weights_would_have_named_is_half_believed(hyperparameters: Hyperparameters, evidence) -> None:
    """A slip of the finger names any of the shown: the less likely a naming, the less it teaches."""
    shown = {"best": {"semantic": 1.0}, "good": {"semantic": 0.8}, "worst": {"semantic": 0.0}}
    start = LearnerState.initial(hyperparameters)
    meant = [learn(start, evidence(shown, name), hyperparameters)[1].judgement for name in shown]
    best, good, worst = (judgement.meant for judgement in meant if judgement)
    assert 1.0 > best > good > worst > 0.0


def test_what_is_known_well_moves_less(hyperparameters: Hyperparameters, evidence) -> None:
    seen = evidence(RECENT_HELPS, "new")
    before = LearnerState.initial(hyperparameters)
    learned = replace(before.retrieval, curvatures=(50.0,) * len(before.retrieval.weights))
    after, _ = learn(before, seen, hyperparameters)
    surer, _ = learn(replace(before, retrieval=learned), seen, hyperparameters)
    assert before.weights["gamma"] < surer.weights["gamma"] < after.weights["gamma"]


def test_what_a_model_cites_moves_weights_and_neither_trust_nor_the_guard_nor_values(
    hyperparameters: Hyperparameters, evidence
) -> None:
    seen = evidence(RECENT_HELPS, "aged")
    before = taught(hyperparameters, replace(seen, held_out=True), 5, start=taught(hyperparameters, seen, 20))
    after, told = learn(before, replace(seen, source=EvidenceSource.MODEL), hyperparameters)
    assert not told.gated
    assert after.weights != before.weights
    assert (after.retrieval.trust_sum, after.guard) == (before.retrieval.trust_sum, before.guard)
    assert (after.values_version, told.values) == (before.values_version, ())


def test_what_a_model_cites_is_gated_until_people_have_earned_trust_where_it_awaits_that(
    hyperparameters: Hyperparameters, evidence
) -> None:
    before, cited = (
        LearnerState.initial(hyperparameters),
        evidence(RECENT_HELPS, "new", source=EvidenceSource.MODEL, novelty=1.0),
    )
    after, told = learn(before, cited, hyperparameters)
    assert (told.gated, after.weights) == (True, before.weights)
    assert "earned trust" in told.reason
    after, told = learn(before, cited, Hyperparameters(views=hyperparameters.views, citations_await_trust=False))
    assert not told.gated
    assert after.weights != before.weights


def test_a_citation_of_former_events_earns_trust_by_its_credit(hyperparameters: Hyperparameters, evidence) -> None:
    seen = evidence(RECENT_HELPS, "new")
    before = taught(hyperparameters, seen, 5)
    gains = [
        learn(before, replace(seen, source=source), hyperparameters)[0].retrieval.trust_sum - before.retrieval.trust_sum
        for source in (EvidenceSource.PERSON, EvidenceSource.CITATION)
    ]
    assert gains[1] == pytest.approx(gains[0] * hyperparameters.citation_credit)
    assert gains[1] > 0.0


def test_an_outlier_is_clipped_and_named(evidence) -> None:
    hyperparameters = Hyperparameters(views=Views.of({"semantic": 1.0}), gradient_limit=0.1)
    surprising = evidence({"a": {"semantic": 1.0}, "b": {"semantic": 0.0}}, "b")
    state, told = learn(LearnerState.initial(hyperparameters), surprising, hyperparameters)
    assert told.clipped_names == ("alpha",)
    assert min(told.gradient) == -hyperparameters.gradient_limit
    assert state.counts.clipped == 1


def test_dismissing_all_that_was_shown_takes_from_the_views_that_stood_out(
    hyperparameters: Hyperparameters, evidence
) -> None:
    """A bad prior shows recent things that mean nothing; nobody can name a helpful one."""
    recent = {key: {"semantic": 0.1, "temporal": 1.0} for key in "abc"}
    before = LearnerState.initial(hyperparameters)
    after, told = learn(before, evidence(recent, unhelpful=("a", "b", "c")), hyperparameters)
    assert told.reason == "all that was shown was dismissed"
    assert after.weights["gamma"] < 0.1
    assert after.weights["alpha"] > 1.0
    assert after.retrieval.trust_sum == 0.0
    one_of_them, _ = learn(before, evidence(recent, unhelpful=("a",)), hyperparameters)
    assert one_of_them.weights == before.weights


def test_dismissing_leaves_the_views_alone_that_none_of_the_memories_has(
    hyperparameters: Hyperparameters, evidence
) -> None:
    """Or whoever dismisses twenty answers has every absent view at its bound."""
    shown = {"a": {"semantic": 0.7, "graph": 0.0}, "b": {"semantic": 0.6, "graph": 0.0}}
    before = LearnerState.initial(hyperparameters)
    after = taught(hyperparameters, evidence(shown, unhelpful=("a", "b")), 20)
    assert after.weights["alpha"] < before.weights["alpha"]
    others = {name: weight for name, weight in before.weights.items() if name not in {"alpha", "tau"}}
    assert others == {name: after.weights[name] for name in others}


def test_a_tenant_who_asks_about_recent_things_learns_gamma_up(hyperparameters: Hyperparameters, evidence) -> None:
    state = taught(hyperparameters, evidence(RECENT_HELPS, "new"), 20)
    assert state.weights["gamma"] > 0.5
    assert state.weights["old"] < 0.0


def test_a_tenant_who_asks_about_old_things_learns_old_up(hyperparameters: Hyperparameters, evidence) -> None:
    state = taught(hyperparameters, evidence(RECENT_HELPS, "aged"), 20)
    assert state.weights["old"] > 0.5
    assert state.weights["gamma"] == 0.0


def test_what_separates_nothing_teaches_nothing(hyperparameters: Hyperparameters, evidence) -> None:
    alike = {name: {"semantic": 0.5, "graph": 0.5} for name in "abc"}
    learned = taught(hyperparameters, evidence(alike, "b"), 5).weights
    assert learned == pytest.approx(LearnerState.initial(hyperparameters).weights)


@pytest.mark.parametrize("helpful", [(), ("new", "mid", "aged"), ("never shown",)])
def test_nothing_is_learned_when_none_or_all_helped(hyperparameters: Hyperparameters, evidence, helpful) -> None:
    before = LearnerState.initial(hyperparameters)
    after, told = learn(before, evidence(RECENT_HELPS, *helpful), hyperparameters)
    assert after.retrieval == before.retrieval
    assert "nothing to compare" in told.reason
    assert after.version == before.version + 1


def test_a_citation_moves_less_than_a_person(hyperparameters: Hyperparameters, evidence) -> None:
    person = taught(hyperparameters, evidence(RECENT_HELPS, "new"), 3)
    citation = taught(hyperparameters, evidence(RECENT_HELPS, "new", source=EvidenceSource.CITATION), 3)
    assert 0.1 < citation.weights["gamma"] < person.weights["gamma"]


CREDITS = (
    EvidenceSource.ASKED_AGAIN,
    EvidenceSource.CORRECTED_IN_CHAT,
    EvidenceSource.USED_BY_TOOL,
    EvidenceSource.COPIED,
)


@pytest.mark.parametrize("source", CREDITS)
def test_credit_that_nobody_gave_moves_less_than_a_person_and_earns_trust(
    hyperparameters: Hyperparameters, evidence, source: EvidenceSource
) -> None:
    start = taught(hyperparameters, evidence(RECENT_HELPS, "new"), 3)
    said = evidence(RECENT_HELPS, "new")
    person, _ = learn(start, said, hyperparameters)
    credited, told = learn(start, replace(said, source=source), hyperparameters)
    assert start.weights["gamma"] < credited.weights["gamma"] < person.weights["gamma"]
    assert start.retrieval.trust_sum < credited.retrieval.trust_sum < person.retrieval.trust_sum
    assert credited.guard == start.guard, "a guard that listens to noise would restore by chance"
    assert not told.gated


@pytest.mark.parametrize("source", CREDITS)
def test_credit_that_is_switched_off_moves_nothing(evidence, source: EvidenceSource) -> None:
    nothing: dict[str, Any] = {f"{source.value}_credit": 0.0}
    off = Hyperparameters(**nothing)
    start = LearnerState.initial(off)
    after, told = learn(start, replace(evidence(RECENT_HELPS, "new"), source=source), off)
    ranking = {name: after.weights[name] for name in start.weights if name != "tau"}
    assert ranking == {name: weight for name, weight in start.weights.items() if name != "tau"}
    assert (after.retrieval.trust_sum, told.gated) == (0.0, True)


def test_credit_moves_values_by_its_share_and_a_question_asked_again_moves_none(
    hyperparameters: Hyperparameters, evidence
) -> None:
    start, said = LearnerState.initial(hyperparameters), evidence(RECENT_HELPS, "new")
    told = {source: learn(start, replace(said, source=source), hyperparameters)[1] for source in EvidenceSource}
    assert [source for source in EvidenceSource if not told[source].values] == ["model", "asked_again"]
    shares = {source: told[source].value_share for source in EvidenceSource if source is not EvidenceSource.MODEL}
    assert shares == {
        "person": 1.0,
        "citation": 1.0,
        "asked_again": 0.2,
        "corrected_in_chat": 0.5,
        "used_by_tool": 0.3,
        "copied": 0.5,
    }


def test_only_credit_that_no_person_acted_for_waits_for_salience(evidence) -> None:
    strict = Hyperparameters(gate_learn=1.0)
    start, seen = LearnerState.initial(strict), replace(evidence(RECENT_HELPS, "new"), novelty=0.0)
    steps = {name: learn(start, replace(seen, source=name), strict)[1] for name in CREDITS}
    assert [name for name in CREDITS if steps[name].gated] == ["asked_again", "used_by_tool"]


def test_a_citation_without_salience_is_gated_a_person_never(hyperparameters: Hyperparameters, evidence) -> None:
    easy = {"a": {"semantic": 1.0}, "b": {"semantic": 0.0}}
    before = LearnerState.initial(hyperparameters)
    after, told = learn(before, evidence(easy, "a", source=EvidenceSource.CITATION, novelty=0.0), hyperparameters)
    assert told.gated
    assert after.weights == before.weights
    assert after.modulators != before.modulators
    after, told = learn(before, evidence(easy, "a", source=EvidenceSource.PERSON, novelty=0.0), hyperparameters)
    assert not told.gated
    assert after.weights != before.weights


def test_values_belong_to_the_memories_named(hyperparameters: Hyperparameters, evidence) -> None:
    seen = evidence(RECENT_HELPS, "new", "ghost", unhelpful=("aged",))
    after, told = learn(LearnerState.initial(hyperparameters), seen, hyperparameters)
    assert told.values == (("new", True), ("aged", False))
    assert after.values_version == 1
    assert learn(after, evidence(RECENT_HELPS, "ghost"), hyperparameters)[0].values_version == 1


def test_trust_follows_the_questions_that_are_never_learned_from(hyperparameters: Hyperparameters, evidence) -> None:
    start = LearnerState.initial(hyperparameters)
    recent, old = evidence(RECENT_HELPS, "new"), evidence(RECENT_HELPS, "aged")
    assert serve(start, hyperparameters).trust == pytest.approx(0.75)
    learned = taught(hyperparameters, old, 30)
    assert serve(learned, hyperparameters).trust == pytest.approx(0.75), "what was learned from says nothing of it"
    won = taught(hyperparameters, replace(old, held_out=True), 8, start=learned)
    assert won.weights == learned.weights, "a held-out question moves no weight"
    assert serve(won, hyperparameters).trust == 1.0
    lost = taught(hyperparameters, replace(recent, held_out=True), 40, start=won)
    assert serve(lost, hyperparameters).trust == 0.0, "it goes back by itself"
    assert serve(lost, hyperparameters).weights == hyperparameters.views.priors


def test_a_held_out_question_that_learned_and_prior_weights_answer_as_well_counts_for_neither(
    hyperparameters: Hyperparameters, evidence
) -> None:
    stranger = LearnerState.initial(hyperparameters)
    after, _ = learn(stranger, replace(evidence(RECENT_HELPS, "aged"), held_out=True), hyperparameters)
    assert after.retrieval.held_out is None


def test_what_a_model_cites_for_a_held_out_question_counts_for_neither(
    hyperparameters: Hyperparameters, evidence
) -> None:
    learned = taught(hyperparameters, evidence(RECENT_HELPS, "aged"), 30)
    cited = replace(evidence(RECENT_HELPS, "aged"), held_out=True, source=EvidenceSource.MODEL)
    after, _ = learn(learned, cited, hyperparameters)
    assert after.retrieval.held_out is None
    assert after.weights == learned.weights


def test_without_held_out_questions_trust_is_what_the_learned_weights_foretold_better(evidence) -> None:
    former = Hyperparameters(held_out_share=0.0)
    assert serve(LearnerState.initial(former), former).trust == 0.5
    assert serve(taught(former, evidence(RECENT_HELPS, "new"), 30), former).trust > 0.9


def test_served_weights_lie_between_prior_and_learned(hyperparameters: Hyperparameters, evidence) -> None:
    state = taught(hyperparameters, evidence(RECENT_HELPS, "new"), 10)
    served = serve(state, hyperparameters).by_name()
    assert 0.1 < served["gamma"] < state.weights["gamma"]


def test_feedback_never_moves_the_weights_of_utility(hyperparameters: Hyperparameters, evidence) -> None:
    state = taught(hyperparameters, evidence(RECENT_HELPS, "new"), 10)
    assert state.utility == LearnerState.initial(hyperparameters).utility


@pytest.mark.parametrize(
    ("views", "shown", "message"),
    [
        (("a", "a"), (("m", (1, 2)),), "named twice"),
        (("a",), (("m", (1,)), ("m", (2,))), "shown twice"),
        (("a",), (("m", (1, 2)),), "2 values for 1 views"),
        (("a",), (("m", (70_000,)),), "outside"),
        (("a",), (("m", (-1,)),), "outside"),
    ],
)
def test_malformed_evidence_is_refused(views, shown, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Evidence(views=views, shown=tuple(ShownMemory(*memory) for memory in shown))
