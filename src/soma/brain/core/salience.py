"""How much an event deserves attention."""

from soma.brain.core.hyperparameters import Hyperparameters


def salience(novelty: float, error: float, settings: Hyperparameters) -> float:
    """0.5 novelty + 0.5 error; novelty = 1 - max cosine to working memory, error = |delta| / 2."""
    return settings.novelty_share * novelty + settings.error_share * error
