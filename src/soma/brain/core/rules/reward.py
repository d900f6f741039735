"""Reward: what happened as one number in [-1, 1], with every term named."""

from soma.brain.core.arithmetic import total
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.observations import AnswerVerdict, IterationOutcome

Terms = tuple[tuple[str, float], ...]


def answer_terms(answer: AnswerVerdict, hyperparameters: Hyperparameters) -> Terms:
    """thumb +-1, rating (r - 3) / 2, regenerate -0.5, copy +0.3, tool ok +1.0 or failed -0.2."""
    if answer.reward is not None:
        return (("reward", answer.reward),)
    terms = []
    if answer.thumb:
        terms.append(("thumb", float(answer.thumb)))
    if answer.rating is not None:
        terms.append(("rating", (answer.rating - 3) / 2.0))
    if answer.regenerated:
        terms.append(("regenerated", hyperparameters.regenerate_reward))
    if answer.copied:
        terms.append(("copied", hyperparameters.copy_reward))
    if answer.tool_ok is not None:
        terms.append(("tool", hyperparameters.tool_ok_reward if answer.tool_ok else hyperparameters.tool_failed_reward))
    return tuple(terms)


def outcome_terms(outcome: IterationOutcome, hyperparameters: Hyperparameters) -> Terms:
    """Tools, 2 confidence - 1 and progress, each by its share; an unknown one leaves its share to the rest."""
    parts = []
    if outcome.tool_outcomes:
        rewards = [
            hyperparameters.tool_ok_reward if ok else hyperparameters.tool_failed_reward
            for _, ok in outcome.tool_outcomes
        ]
        parts.append(("tools", hyperparameters.outcome_tools_share, total(rewards) / len(rewards)))
    if outcome.confidence is not None:
        parts.append(("confidence", hyperparameters.outcome_confidence_share, 2.0 * outcome.confidence - 1.0))
    if outcome.progress is not None:
        parts.append(("progress", hyperparameters.outcome_progress_share, outcome.progress))
    whole = total(share for _, share, _ in parts)
    return tuple((name, share / whole * value) for name, share, value in parts) if whole > 0.0 else ()


def sum_of(terms: Terms) -> float:
    """Add the terms in their order; the result may lie outside of [-1, 1]."""
    reward = 0.0
    for _, value in terms:
        reward += value
    return reward
