"""Hyperparameters: every constant of the rules with its default. `settings/learner.py` fills them from the settings."""

from dataclasses import dataclass
from enum import StrEnum

from soma.brain.core.modulators import SOMA, Profile
from soma.brain.core.shapes import NO_SHAPES, Mixing
from soma.brain.core.weights import PLAN_VIEWS, Views


class Rule(StrEnum):
    EVIDENCE = "evidence"
    LITERAL = "literal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    learning_rule: Rule = Rule.EVIDENCE
    views: Views = PLAN_VIEWS
    profile: Profile = SOMA

    # Learning rate: lr_base * clamp(0.5 + dopamine, low, high)
    lr_base: float = 0.05
    learning_rate_dynamic: bool = True
    dopamine_offset: float = 0.5
    dopamine_factor_low: float = 0.5
    dopamine_factor_high: float = 1.2

    # Evidence
    evidence_step: float = 0.8
    curvature_start: float = 4.0  # what is known of a weight before any evidence
    curvature_memory: float = 0.995
    learner_temperature: float = 0.5
    doubt: float = 0.2  # share of the feedback that is taken to name a memory by accident
    prior_pull: float = 0.02
    person_credit: float = 1.0
    citation_credit: float = 0.1
    citations_await_trust: bool = True  # a model's count for as much as people have come to trust what was learned
    asked_again_credit: float = 0.2  # credit that nobody has to give, beside a person's word; 0 switches it off
    corrected_in_chat_credit: float = 0.5
    used_by_tool_credit: float = 0.3
    copied_credit: float = 0.5
    dismissal: float = 0.05  # weight of "none of these helped" beside a memory that did
    gradient_limit: float = 2.0
    value_rate: float = 0.1

    # Shapes of data, and their mixture
    mixing: Mixing = NO_SHAPES

    # Trust in what was learned: by one question in four, never learned from
    held_out_share: float = 0.25
    held_out_memory: float = 0.97
    held_out_wins: float = 3.0  # w and l before any question
    held_out_losses: float = 1.0
    held_out_deviations: float = 1.0
    trust_none: float = 0.2  # lower bound of the share of wins up to which nothing learned is served
    trust_whole: float = 0.6  # and from which all of it is

    # The floors of what is shown, by held-out questions; these have lower ones of their own
    bearing_deviations: float = 2.5  # below the mean of the questions that memories helped with
    nearness_deviations: float = 3.0  # a wrong silence costs more than a needless memory
    held_out_look: float = 0.5  # further down, for held-out questions
    floor_questions: float = 3.0  # such questions that count before any was asked, and how memories bore on them
    bearing_mean: float = 0.8
    bearing_spread: float = 0.17
    nearness_mean: float = 0.63  # cosine of the nearest memory
    nearness_spread: float = 0.15

    # Trust without such questions, and limits of the sum
    trust_scale: float = 0.3
    trust_limit: float = 20.0
    advantage_limit: float = 3.0

    # Reward of an answer, term by term
    regenerate_reward: float = -0.5
    copy_reward: float = 0.3
    tool_ok_reward: float = 1.0
    tool_failed_reward: float = -0.2

    # Reward of an iteration: shares of its parts, renormalised over the parts that are known
    outcome_tools_share: float = 0.4
    outcome_confidence_share: float = 0.4
    outcome_progress_share: float = 0.2

    # Baseline, salience, gates
    baseline_rate: float = 0.05
    novelty_share: float = 0.5
    error_share: float = 0.5
    gate_learn: float = 0.3
    gate_act: float = 0.5
    gate_admit: float = 0.7

    # Utility: ridge regression
    utility_prior_observations: float = 30.0
    utility_memory: float = 0.999
    outcome_credit: float = 0.3
    cost_budget: float = 0.01
    latency_target_ms: float = 2000.0
    feature_limit: float = 5.0

    # Temperature of attention
    tau_default: float = 0.7
    tau_low: float = 0.4
    tau_high: float = 1.2
    tau_anneal_rate: float = 0.0
    diversity_rate: float = 0.05
    diversity_target: float = 0.5

    # Neuromodulators: leak to the baseline, gain of a drive, reach of what each gates
    modulator_leak: float = 0.1
    modulator_gain: float = 0.2
    serotonin_reach: float = 0.5
    noradrenaline_reach: float = 0.2
    acetylcholine_reach: float = 0.2

    # Calibration and tools
    calibration_prior: float = 20.0
    calibration_enough: int = 100
    tool_rate: float = 0.1
    tool_answer_rate: float = 0.05
    tool_floor: float = 0.2  # failures that never end must not hide that the tool works again

    # Guard
    guard_fast: float = 0.1
    guard_slow: float = 0.01
    guard_deviations: float = 3.0
    guard_warmup: int = 30
    guard_snapshot_every: int = 25

    def learning_factor(self, dopamine: float) -> float:
        """lr_eff / lr_base: how far dopamine (its level before the event) raises or lowers the rate."""
        if not self.learning_rate_dynamic:
            return 1.0
        factor = self.dopamine_offset + dopamine
        return min(max(factor, self.dopamine_factor_low), self.dopamine_factor_high)

    def learning_rate(self, dopamine: float) -> float:
        return self.lr_base * self.learning_factor(dopamine)
