"""Held-out questions: a share that is never learned from, so that it can measure what was learned. Pure."""

from hashlib import blake2b

from soma.brain.context.corrections import question_of
from soma.brain.core.hyperparameters import Hyperparameters

DIGITS = 8  # hexadecimal ones of the digest
WHOLE = 1 << (4 * DIGITS)


def is_held_out(question: str, hyperparameters: Hyperparameters) -> bool:
    """Return whether this question is held out: by a digest of its content words, so that it always is or never."""
    words = question_of(question, ()).words
    place = int(blake2b(words.encode(), digest_size=16).hexdigest()[:DIGITS], 16)
    return place < hyperparameters.held_out_share * WHOLE
