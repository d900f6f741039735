"""Meaning and words of the question: in a message itself and in the messages around it."""

import numpy as np

from soma.memory.views.arrays import Floats
from soma.memory.views.base import View
from soma.memory.views.candidates import REACH, CandidateSet

WINDOW_WORDS = 100  # each way


def _semantic(candidates: CandidateSet) -> Floats:
    return candidates.semantic[candidates.own]


def _vector(candidates: CandidateSet) -> Floats:
    return candidates.dense[candidates.own]


def _passage(candidates: CandidateSet) -> Floats:
    return candidates.passage[candidates.own]


def _words(candidates: CandidateSet) -> Floats:
    return candidates.lexical[candidates.own]


def _window(candidates: CandidateSet) -> Floats:
    """Match each word of the question with the best of the messages around, WINDOW_WORDS each way."""
    met = candidates.word_matches[candidates.own].copy()
    for side in (range(REACH - 1, -1, -1), range(REACH + 1, 2 * REACH + 1)):
        words = np.zeros(len(candidates), np.float32)
        for column in side:
            words += candidates.lengths[candidates.around[:, column]]
            near = np.where(words <= WINDOW_WORDS, candidates.around[:, column], len(candidates.near))
            np.maximum(met, candidates.word_matches[near], out=met)
    window: Floats = met @ candidates.question.weights
    return window


def _surroundings(candidates: CandidateSet) -> Floats:
    near = np.stack([candidates.previous, candidates.own, candidates.next], axis=1)
    there = near < len(candidates.near)
    mean: Floats = candidates.dense[near].sum(axis=1) / there.sum(axis=1)
    return mean


def _session(candidates: CandidateSet) -> Floats:
    """Return the best meaning among the candidates of the same session."""
    sessions, of = np.unique(candidates.corpus.sessions(candidates.chosen), return_inverse=True)
    best = np.full(len(sessions), -1, np.float32)
    np.maximum.at(best, of, candidates.dense[candidates.own])
    return best[of]


VIEWS = {
    "semantic": View(_semantic, 1.0, "says what is asked: in meaning as a whole, in its words, in words like them"),
    "vector": View(_vector, 0.1, "has as a whole the meaning of what is asked"),
    "passage": View(_passage, 0.1, "has a passage with the meaning of what is asked; of a short text the whole"),
    "words": View(_words, 0.1, "holds the words of the question, rare ones counting more"),
    "window": View(_window, 0.4, "stands among messages that together hold what is asked"),
    "surroundings": View(_surroundings, 0.1, "stands beside messages with the meaning of what is asked"),
    "session": View(_session, 0.1, "belongs to a conversation or document in which something says what is asked"),
}
