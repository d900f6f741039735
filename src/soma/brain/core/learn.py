"""learn(state, observation, hyperparameters) -> (state, explanation): the whole learner on one page.

Each rule has a file in `rules/`; this page says which part of an observation goes to which rule, in which order.
The same state and observation give the same bits on any machine, so an explanation is derived again when somebody
asks, and never stored.
"""

from typing import NamedTuple, assert_never

from msgspec.structs import replace

from soma.brain.core import modulators
from soma.brain.core.arithmetic import clip
from soma.brain.core.explanation import Explanation
from soma.brain.core.hyperparameters import Hyperparameters, Rule
from soma.brain.core.observations import AnswerVerdict, Evidence, EvidenceSource, IterationOutcome
from soma.brain.core.promotion import Promotion, promote
from soma.brain.core.restore import Restore, restore
from soma.brain.core.rules import calibration, evidence, guard, literal, temperature, tools, utility
from soma.brain.core.rules.evidence import AlignedEvidence, EvidenceStep
from soma.brain.core.rules.feeling import Feeling, feel, next_baseline
from soma.brain.core.rules.gates import is_salient
from soma.brain.core.rules.guard import Guard, Parameters
from soma.brain.core.rules.reward import answer_terms, outcome_terms, sum_of
from soma.brain.core.state import LearnerState

HELD_OUT = "a question that is never learned from: it measures what was learned"
WEIGHED = {
    EvidenceSource.MODEL: "what a model cited, for little: it earns no trust",
    EvidenceSource.ASKED_AGAIN: "a question asked again: what answered it then, for less than a person's word",
    EvidenceSource.CORRECTED_IN_CHAT: "what a person corrected in the chat, for less than feedback",
    EvidenceSource.USED_BY_TOOL: "what a tool that worked was given, for less than a person's word",
    EvidenceSource.COPIED: "what a person copied, for less than feedback",
}

Observation = AnswerVerdict | Evidence | IterationOutcome | Restore | Promotion
LearnerStep = tuple[LearnerState, Explanation]


def learn(state: LearnerState, observation: Observation, hyperparameters: Hyperparameters) -> LearnerStep:
    """Learn one observation: the state after it, whose version is one higher, and why it is so."""
    match observation:
        case AnswerVerdict():
            return learn_from_answer(state, observation, hyperparameters)
        case Evidence():
            return learn_from_evidence(state, observation, hyperparameters)
        case IterationOutcome():
            return learn_from_outcome(state, observation, hyperparameters)
        case Restore():
            after = restore(state, observation)
            return after, Explanation(observation.reason, state, after, observation, hyperparameters)
        case Promotion():
            after = promote(state, observation, hyperparameters)
            return after, Explanation(observation.reason, state, after, observation, hyperparameters)
        case _:
            assert_never(observation)


def learn_from_answer(state: LearnerState, answer: AnswerVerdict, hyperparameters: Hyperparameters) -> LearnerStep:
    """Learn from a person's verdict, never gated: worth of gain, cost and latency, calibration, tools, baseline."""
    outliers: list[str] = []
    terms = answer_terms(answer, hyperparameters)
    reward = clip("reward", sum_of(terms), -1.0, 1.0, outliers)
    confidence = _clip_share("raw_confidence", answer.raw_confidence, outliers)
    delta = reward - state.baseline
    feeling = feel(
        state.modulators,
        hyperparameters,
        delta=delta,
        confidence=confidence,
        urgency=modulators.urgency(answer.latency_ms, hyperparameters.latency_target_ms),
    )

    parameters = _learn_utility(state, answer, reward, 1.0, hyperparameters, outliers=outliers)
    watch, parameters, guarded = guard.watch_reward(state.guard, parameters, reward, hyperparameters)
    labels, used = state.calibration, state.tools
    if confidence is not None and reward != 0.0:
        labels = calibration.add_label(labels, confidence, good=reward > 0.0)
    for tool in answer.tools:
        used = tools.update_usefulness(
            used, tool, 0.5 + 0.5 * reward, hyperparameters.tool_answer_rate, floor=hyperparameters.tool_floor
        )

    after = _next_state(state, parameters, feeling, watch, hyperparameters, clipped=bool(outliers), guarded=guarded)
    after = replace(
        after,
        baseline=next_baseline(state.baseline, delta, state.modulators, hyperparameters),
        calibration=labels,
        tools=used,
        counts=replace(after.counts, answers=after.counts.answers + 1),
    )
    reason = "what a person said of the answer"
    return after, Explanation(
        reason, state, after, answer, hyperparameters, feeling, reward, terms, tuple(outliers), False, guarded
    )


def learn_from_evidence(state: LearnerState, observation: Evidence, hyperparameters: Hyperparameters) -> LearnerStep:
    """Learn from which memories helped: weights of views, trust in them, tau; names the memories whose value moves."""
    outliers: list[str] = []
    aligned = evidence.align_evidence(state.retrieval, observation, hyperparameters)
    judgement = aligned.judgement
    error = judgement.error if judgement else 0.0
    feeling = feel(
        state.modulators,
        hyperparameters,
        surprise=error,
        novelty=_clip_share("novelty", observation.novelty, outliers),
        confidence=1.0 - error,
    )

    values = evidence.named_memories(observation)
    gate_reason = _gate_reason(state, observation, feeling, hyperparameters)
    result = _learn_parameters(state, observation, aligned, gate_reason, hyperparameters, outliers=outliers)
    gated = bool(gate_reason)
    after = _next_state(
        state,
        result.parameters,
        feeling,
        result.watch,
        hyperparameters,
        clipped=bool(outliers),
        guarded=result.guarded,
        gated=gated,
    )
    after = replace(
        after,
        counts=replace(after.counts, evidence=after.counts.evidence + 1),
        values_version=state.values_version + bool(values),
    )
    return after, Explanation(
        result.reason,
        state,
        after,
        observation,
        hyperparameters,
        feeling,
        outliers=tuple(outliers),
        gated=gated,
        guarded=result.guarded,
        judgement=judgement,
        gradient=result.step.gradient if result.step else (),
        shape_moves=result.step.shape_moves if result.step else (),
        values=values,
    )


def _may_measure(observation: Evidence) -> bool:
    return observation.source in evidence.EARNS_TRUST


class _EvidenceResult(NamedTuple):
    """Parameters and guard after evidence, and why they are so."""

    parameters: Parameters
    watch: Guard
    reason: str
    step: EvidenceStep | None = None
    guarded: bool = False


def _gate_reason(state: LearnerState, observation: Evidence, feeling: Feeling, hyperparameters: Hyperparameters) -> str:
    """Say why evidence is not learned from; empty where it is. A person's always is."""
    if observation.held_out:
        return HELD_OUT
    source = observation.source
    credit = evidence.credit_of(source, state.retrieval.record, hyperparameters)
    if source is EvidenceSource.MODEL and hyperparameters.citations_await_trust and not credit:
        return "a model's citation counts for nothing until what people said has earned trust"
    if source in evidence.CREDITS and not credit:
        return "credit that is switched off"
    if source in evidence.BY_PEOPLE or is_salient(feeling.salience, hyperparameters):
        return ""
    return f"{'credit' if source in evidence.CREDITS else 'a citation'} of too little salience"


def _learn_parameters(
    state: LearnerState,
    observation: Evidence,
    aligned: AlignedEvidence,
    gate_reason: str,
    hyperparameters: Hyperparameters,
    *,
    outliers: list[str],
) -> _EvidenceResult:
    """Apply evidence, then let its diversity move tau; where it is gated, only make room for new views."""
    if observation.held_out:
        measured = (
            evidence.measure(aligned, observation, hyperparameters) if _may_measure(observation) else aligned.retrieval
        )
        return _EvidenceResult(replace(_with_room(state, aligned), retrieval=measured), state.guard, gate_reason)
    if gate_reason:
        return _EvidenceResult(_with_room(state, aligned), state.guard, gate_reason)
    result = _apply_evidence(state, observation, aligned, hyperparameters, outliers)
    parameters = _adjust_temperature(result.parameters, observation.diversity, state, hyperparameters, outliers)
    return result._replace(parameters=parameters)


def _apply_evidence(
    state: LearnerState,
    observation: Evidence,
    aligned: AlignedEvidence,
    hyperparameters: Hyperparameters,
    outliers: list[str],
) -> _EvidenceResult:
    source = observation.source
    is_weighed = source is EvidenceSource.MODEL or source in evidence.CREDITS
    parameters, watch, judgement = _with_room(state, aligned), state.guard, aligned.judgement
    credit = evidence.credit_of(observation.source, state.retrieval.record, hyperparameters)
    if hyperparameters.learning_rule is Rule.LITERAL:
        rate = hyperparameters.learning_rate(state.modulators.dopamine) * (credit if is_weighed else 1.0)
        moved = literal.move_parameters(parameters, rate, literal.evidence_signal(observation))
        return _EvidenceResult(moved, watch, "one signal for every weight")
    if judgement is None:
        return _EvidenceResult(
            parameters, watch, "nothing to compare: all of the shown memories helped, or none is known to have"
        )
    step = evidence.take_step(
        aligned,
        judgement,
        credit=credit,
        factor=hyperparameters.learning_factor(state.modulators.dopamine),
        earns_trust=source in evidence.EARNS_TRUST,
        hyperparameters=hyperparameters,
        outliers=outliers,
    )
    parameters = replace(parameters, retrieval=step.retrieval)
    if judgement.advantage is None:
        return _EvidenceResult(parameters, watch, "all that was shown was dismissed", step)
    if is_weighed:  # only what people say of the ranking can tell that it has become worse
        return _EvidenceResult(parameters, watch, WEIGHED[source], step)
    watch, parameters, guarded = guard.watch_evidence(watch, parameters, judgement.advantage, hyperparameters)
    return _EvidenceResult(parameters, watch, "what helped, against what was shown beside it", step, guarded)


def _with_room(state: LearnerState, aligned: AlignedEvidence) -> Parameters:
    """Return the parameters so far, with room for views never seen before."""
    return Parameters(aligned.retrieval, state.utility, state.temperature)


def learn_from_outcome(state: LearnerState, outcome: IterationOutcome, hyperparameters: Hyperparameters) -> LearnerStep:
    """Learn from an iteration: levels and baseline always, parameters only where it is salient."""
    outliers: list[str] = []
    terms = outcome_terms(outcome, hyperparameters)
    reward = clip("reward", sum_of(terms), -1.0, 1.0, outliers)
    delta = reward - state.baseline if terms else 0.0
    feeling = feel(
        state.modulators,
        hyperparameters,
        delta=delta,
        novelty=_clip_share("novelty", outcome.novelty, outliers),
        confidence=_clip_share("confidence", outcome.confidence, outliers),
        urgency=modulators.urgency(outcome.latency_ms, hyperparameters.latency_target_ms),
    )

    parameters, watch, guarded = state.parameters, state.guard, False
    gated = outcome.only_felt or not is_salient(feeling.salience, hyperparameters)
    if terms and not gated:
        parameters = _learn_utility(
            state, outcome, reward, hyperparameters.outcome_credit, hyperparameters, outliers=outliers
        )
        watch, parameters, guarded = guard.watch_reward(watch, parameters, reward, hyperparameters)
    if not gated:
        parameters = _adjust_temperature(parameters, outcome.diversity, state, hyperparameters, outliers)
    used = state.tools
    for tool, ok in () if outcome.only_felt else outcome.tool_outcomes:
        used = tools.update_usefulness(
            used, tool, 1.0 if ok else 0.0, hyperparameters.tool_rate, floor=hyperparameters.tool_floor
        )

    after = _next_state(
        state, parameters, feeling, watch, hyperparameters, clipped=bool(outliers), guarded=guarded, gated=gated
    )
    after = replace(
        after,
        baseline=state.baseline
        if outcome.only_felt
        else next_baseline(state.baseline, delta, state.modulators, hyperparameters),
        tools=used,
        counts=replace(after.counts, outcomes=after.counts.outcomes + 1),
    )
    reason = _outcome_reason(outcome, gated=gated)
    return after, Explanation(
        reason, state, after, outcome, hyperparameters, feeling, reward, terms, tuple(outliers), gated, guarded
    )


def _outcome_reason(outcome: IterationOutcome, *, gated: bool) -> str:
    if outcome.only_felt:
        return "the person's daily limit is reached: only the mood levels changed"
    return "too little salience to learn from" if gated else "how the iteration went"


def _next_state(
    state: LearnerState,
    parameters: Parameters,
    feeling: Feeling,
    watch: Guard,
    hyperparameters: Hyperparameters,
    *,
    clipped: bool,
    guarded: bool,
    gated: bool = False,
) -> LearnerState:
    """Put together what every observation leaves behind; the rest is each rule's own."""
    counts = state.counts
    return replace(
        state,
        version=state.version + 1,
        retrieval=parameters.retrieval,
        utility=parameters.utility,
        temperature=parameters.temperature,
        modulators=modulators.clamp_levels(feeling.raw_levels, hyperparameters.profile),
        guard=watch,
        counts=replace(
            counts,
            gated=counts.gated + gated,
            clipped=counts.clipped + clipped,
            guarded=counts.guarded + guarded,
        ),
    )


def _learn_utility(
    state: LearnerState,
    observation: AnswerVerdict | IterationOutcome,
    reward: float,
    credit: float,
    hyperparameters: Hyperparameters,
    *,
    outliers: list[str],
) -> Parameters:
    """Learn lambda, mu and nu from a reward. It says nothing of the views' weights; the literal rule moves them too."""
    if hyperparameters.learning_rule is Rule.LITERAL:
        return literal.move_parameters(
            state.parameters, hyperparameters.learning_rate(state.modulators.dopamine), reward
        )
    worth = state.utility
    if features := utility.features(
        observation.gain, observation.cost, observation.latency_ms, hyperparameters, outliers
    ):
        worth = utility.regress(worth, features, reward, credit, hyperparameters)
    return Parameters(state.retrieval, worth, state.temperature)


def _adjust_temperature(
    parameters: Parameters,
    diversity: float | None,
    state: LearnerState,
    hyperparameters: Hyperparameters,
    outliers: list[str],
) -> Parameters:
    if diversity is None:
        return parameters
    diversity = clip("diversity", diversity, 0.0, 1.0, outliers)
    n = state.counts.evidence + state.counts.outcomes
    return replace(parameters, temperature=temperature.adjust(parameters.temperature, diversity, n, hyperparameters))


def _clip_share(name: str, value: float | None, outliers: list[str]) -> float | None:
    return None if value is None else clip(name, value, 0.0, 1.0, outliers)
