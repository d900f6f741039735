"""Settings of the learner: each field of `core.Hyperparameters` by its own name, with bounds and a description."""

from dataclasses import fields
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from soma.brain.core.hyperparameters import Hyperparameters, Rule
from soma.brain.core.modulators import PROFILES
from soma.brain.core.shapes import NO_SHAPES, Mixing
from soma.brain.core.weights import Views

DEFAULTS = Hyperparameters()
CITATION_MOST = 0.1  # of what a person's word counts
CREDIT_MOST = 0.5  # the same, of credit that nobody has to give
NOT_SETTINGS = {
    "views", "mixing",  # memory ships them
    "profile", "citations_await_trust",
    "floor_questions", "bearing_mean", "bearing_spread", "nearness_mean", "nearness_spread",  # of measures in the code
}  # fmt: skip


def _share(name: str, description: str) -> Any:
    return Field(getattr(DEFAULTS, name), ge=0, le=1, description=description)


def _signed_share(name: str, description: str) -> Any:
    return Field(getattr(DEFAULTS, name), ge=-1, le=1, description=description)


def _credit(name: str, description: str) -> Any:
    """Make the field of a credit that nobody has to give; `description` says of what."""
    whole = f"Credit of {description}, as a share of what a person's word counts; 0 switches it off."
    return Field(getattr(DEFAULTS, name), ge=0, le=CREDIT_MOST, description=whole)


def _positive(name: str, most: float, description: str) -> Any:
    return Field(getattr(DEFAULTS, name), gt=0, le=most, description=description)


def _count(name: str, most: int, description: str) -> Any:
    return Field(getattr(DEFAULTS, name), ge=1, le=most, description=description)


class LearnerSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SOMABRAIN_", frozen=True, extra="ignore")

    learning_rule: Rule = Field(
        default=DEFAULTS.learning_rule,
        description="`evidence` learns from what helped; `literal` is the plan's formula.",
    )
    neuromodulator_profile: Literal["soma", "unit"] = Field(
        default="soma", description="Baselines and bounds of the neuromodulators."
    )

    lr_base: float = _share("lr_base", "Base learning rate of the literal rule; the evidence rule cancels it.")
    learning_rate_dynamic: bool = Field(
        default=DEFAULTS.learning_rate_dynamic, description="Dopamine gates the learning rate."
    )
    dopamine_offset: float = _share("dopamine_offset", "Added to dopamine before its factor is clamped.")
    dopamine_factor_low: float = _positive("dopamine_factor_low", 10, "Least factor of the learning rate.")
    dopamine_factor_high: float = Field(
        DEFAULTS.dopamine_factor_high,
        gt=0,
        le=10,
        validate_default=True,
        description="Greatest factor of the learning rate.",
    )

    evidence_step: float = _positive("evidence_step", 10, "Step of the evidence rule, in Newton steps.")
    curvature_start: float = _positive("curvature_start", 1_000, "Curvature of a weight before any evidence.")
    curvature_memory: float = _share("curvature_memory", "What the curvature keeps of the evidence before.")
    learner_temperature: float = _positive("learner_temperature", 10, "Temperature of the learner's own softmax.")
    prior_pull: float = _share("prior_pull", "Pull of each weight to its prior.")
    person_credit: float = _share("person_credit", "Credit of evidence that a person gave.")
    citation_credit: float = Field(
        DEFAULTS.citation_credit,
        ge=0,
        le=CITATION_MOST,
        description="Credit of what a model cites, as a share of a person's; it earns no trust.",
    )
    asked_again_credit: float = _credit("asked_again_credit", "memories that answer a question when it is asked again")
    corrected_in_chat_credit: float = _credit("corrected_in_chat_credit", "a correction in the chat")
    used_by_tool_credit: float = _credit("used_by_tool_credit", "a memory whose words a tool used")
    copied_credit: float = _credit("copied_credit", "a memory whose passage was copied")
    doubt: float = _positive("doubt", 0.9, "Share of the feedback that is taken to name a memory by accident.")
    dismissal: float = _share("dismissal", "Weight of `none of these helped` beside a memory that did.")
    gradient_limit: float = _positive("gradient_limit", 1_000, "Greatest slope of one feedback; beyond it is clipped.")
    value_rate: float = _share("value_rate", "Step of a memory's value to what was said of it.")

    held_out_share: float = Field(
        DEFAULTS.held_out_share,
        ge=0,
        le=0.5,
        description="Share of the questions that no weight learns from; they measure what was learned. 0: none.",
    )
    held_out_memory: float = _share("held_out_memory", "What a held-out question still counts after the next one.")
    held_out_wins: float = _positive(
        "held_out_wins", 1_000, "Held-out questions that count as won by the learned weights before any was asked."
    )
    held_out_losses: float = _positive(
        "held_out_losses", 1_000, "Held-out questions that count as lost by the learned weights before any was asked."
    )
    held_out_deviations: float = _positive(
        "held_out_deviations", 10, "Standard deviations by which the share of held-out questions won is lowered."
    )
    bearing_deviations: float = _positive(
        "bearing_deviations", 100, "Standard deviations below memories that helped, beyond which a memory is not shown."
    )
    nearness_deviations: float = _positive(
        "nearness_deviations",
        100,
        "Standard deviations below questions that memories helped with, beyond which the nearest is too far: none is.",
    )
    held_out_look: float = Field(
        DEFAULTS.held_out_look, ge=0, le=100, description="Further deviations of both for held-out questions."
    )
    trust_none: float = _share(
        "trust_none", "Lowered share of held-out questions won up to which the default weights alone are used."
    )
    trust_whole: float = Field(
        DEFAULTS.trust_whole,
        gt=0,
        le=1,
        validate_default=True,
        description="Lowered share of held-out questions won from which the learned weights alone are used.",
    )
    trust_scale: float = _positive(
        "trust_scale", 10, "Factor of the trust sum, which decides instead where no question is held out."
    )
    trust_limit: float = _positive("trust_limit", 1_000, "Bound of the trust sum on both sides.")
    advantage_limit: float = _positive("advantage_limit", 100, "Bound of one advantage in the guard's score.")

    regenerate_reward: float = _signed_share("regenerate_reward", "Reward of an answer that was asked for again.")
    copy_reward: float = _signed_share("copy_reward", "Reward of an answer that was copied.")
    tool_ok_reward: float = _signed_share("tool_ok_reward", "Reward of a tool that succeeded.")
    tool_failed_reward: float = _signed_share("tool_failed_reward", "Reward of a tool that failed.")
    outcome_tools_share: float = _share("outcome_tools_share", "Share of tool outcomes in an iteration's reward.")
    outcome_confidence_share: float = _share(
        "outcome_confidence_share", "Share of confidence in an iteration's reward."
    )
    outcome_progress_share: float = _share("outcome_progress_share", "Share of progress in an iteration's reward.")

    baseline_rate: float = _share("baseline_rate", "Step of the reward baseline.")
    novelty_share: float = _share("novelty_share", "Share of novelty in salience.")
    error_share: float = _share("error_share", "Share of the prediction error in salience.")
    gate_learn: float = _share("gate_learn", "Salience below which an automatic outcome moves no weight.")
    gate_act: float = _share(
        "gate_act", "Salience from which an outcome is reported as calling for action; nothing acts on it yet."
    )
    gate_admit: float = _share("gate_admit", "Salience from which working memory admits.")

    utility_prior_observations: float = _positive(
        "utility_prior_observations", 10_000, "Observations that the prior of lambda, mu and nu is worth."
    )
    utility_memory: float = _share("utility_memory", "What an older observation of utility keeps of its weight.")
    outcome_credit: float = _share("outcome_credit", "Credit of an automatic outcome in the regression of utility.")
    cost_budget: float = _positive("cost_budget", 1_000, "Cost of an answer that counts as 1.")
    latency_target_ms: float = _positive("latency_target_ms", 600_000, "Latency of an answer that counts as 1.")
    feature_limit: float = _positive("feature_limit", 1_000, "Bound of cost and latency in these units.")

    tau_default: float = _positive("tau_default", 10, "Attention temperature, tau, at the start.")
    tau_low: float = Field(
        DEFAULTS.tau_low, gt=0, le=10, validate_default=True, description="Least attention temperature."
    )
    tau_high: float = Field(
        DEFAULTS.tau_high, gt=0, le=10, validate_default=True, description="Greatest attention temperature."
    )
    tau_anneal_rate: float = _share("tau_anneal_rate", "Rate at which tau anneals exponentially; 0: not.")
    diversity_rate: float = _share("diversity_rate", "Step of tau to the target diversity.")
    diversity_target: float = _share("diversity_target", "Share of distinct memories aimed at.")

    modulator_leak: float = _share("modulator_leak", "Leak of each neuromodulator to its baseline.")
    modulator_gain: float = _share("modulator_gain", "Gain of each drive.")
    serotonin_reach: float = _share("serotonin_reach", "How far serotonin stretches the baseline's time constant.")
    noradrenaline_reach: float = _share("noradrenaline_reach", "How far noradrenaline narrows tau.")
    acetylcholine_reach: float = _share("acetylcholine_reach", "How far acetylcholine lowers admission.")

    calibration_prior: float = _positive("calibration_prior", 10_000, "Observations that the identity is worth.")
    calibration_enough: int = _count("calibration_enough", 1_000_000, "Labels below which calibration is not judged.")
    tool_rate: float = _share("tool_rate", "Step of a tool's usefulness by its own outcome.")
    tool_answer_rate: float = _share("tool_answer_rate", "Step of a tool's usefulness by a verdict on the answer.")
    tool_floor: float = _share("tool_floor", "Least usefulness of a tool, from which it recovers.")

    guard_fast: float = _positive("guard_fast", 1, "Rate of the guard's fast mean.")
    guard_slow: float = _positive("guard_slow", 1, "Rate of the guard's slow mean.")
    guard_deviations: float = _positive("guard_deviations", 100, "Deviations of a fall that restores the last good.")
    guard_warmup: int = _count("guard_warmup", 1_000_000, "Scores before the guard judges.")
    guard_snapshot_every: int = _count("guard_snapshot_every", 1_000_000, "Scores between two states kept as good.")

    @field_validator("dopamine_factor_high")
    @classmethod
    def _check_dopamine_factors(cls, high: float, info: ValidationInfo) -> float:
        if high < (low := info.data.get("dopamine_factor_low", high)):
            raise ValueError(f"SOMABRAIN_DOPAMINE_FACTOR_LOW, {low}, is above it")
        return high

    @field_validator("trust_whole")
    @classmethod
    def _check_trust(cls, whole: float, info: ValidationInfo) -> float:
        if whole <= (none := info.data.get("trust_none", 0.0)):
            raise ValueError(f"SOMABRAIN_TRUST_NONE, {none}, is not below it")
        return whole

    @field_validator("tau_low")
    @classmethod
    def _check_tau_low(cls, low: float, info: ValidationInfo) -> float:
        if low > (default := info.data.get("tau_default", low)):
            raise ValueError(f"SOMABRAIN_TAU_DEFAULT, {default}, is below it")
        return low

    @field_validator("tau_high")
    @classmethod
    def _check_tau_high(cls, high: float, info: ValidationInfo) -> float:
        if high < (default := info.data.get("tau_default", high)):
            raise ValueError(f"SOMABRAIN_TAU_DEFAULT, {default}, is above it")
        return high

    def hyperparameters(self, views: Views, mixing: Mixing = NO_SHAPES) -> Hyperparameters:
        """Build the hyperparameters of the core; `views` and the shapes of `mixing` are those that the memory ships."""
        names = {field.name for field in fields(Hyperparameters)} - NOT_SETTINGS
        chosen = {name: getattr(self, name) for name in names}
        profile = PROFILES[self.neuromodulator_profile]
        return Hyperparameters(views=views, mixing=mixing, profile=profile, **chosen)
