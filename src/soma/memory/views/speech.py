"""Speakers: a question that names a person is answered by them, or by what others say to them."""

import numpy as np

from soma.memory.index.traits import FIRST_PERSON, SAID_BY_ASSISTANT, SECOND_PERSON
from soma.memory.views.arrays import Floats
from soma.memory.views.base import View
from soma.memory.views.candidates import CandidateSet

SAID_TO = 0.5  # "you" of another speaker tells less surely of the person than their own "I"


def _author(candidates: CandidateSet) -> Floats:
    return candidates.corpus.is_said_by(candidates.chosen, candidates.question.speakers).astype(np.float32)


def _about(candidates: CandidateSet) -> Floats:
    if not candidates.question.speakers:
        return np.zeros(len(candidates), np.float32)
    author = _author(candidates)
    other = (candidates.voices[candidates.own] > 0) * (1 - author)
    about: Floats = np.maximum(author * candidates.has(FIRST_PERSON), SAID_TO * other * candidates.has(SECOND_PERSON))
    return about


def _participant(candidates: CandidateSet) -> Floats:
    return candidates.corpus.has_named_participant(candidates.chosen).astype(np.float32)


def _user(candidates: CandidateSet) -> Floats:
    """0 for what an assistant said, 1 for all else: notes and documents are the user's as well."""
    return 1 - candidates.has(SAID_BY_ASSISTANT).astype(np.float32)


def _question(candidates: CandidateSet) -> Floats:
    return candidates.asking[candidates.own]


VIEWS = {
    "author": View(_author, 0.1, "was said by somebody whom the question names"),
    "participant": View(_participant, 0.5, "comes from a conversation with somebody whom the question names"),
    "about": View(_about, 0.1, "speaks of itself as I, or to them as you, and the question names them"),
    "user": View(_user, 0.1, "comes from the user: was not said by an assistant"),
    "question": View(_question, 0.0, "asks something itself: the share of its sentences that are questions"),
}
