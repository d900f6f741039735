"""Baselines on plain arrays, independent of memory except for its model and stems: BM25, dense and their fusion.

The floor is the plain linear model of issue 3: windows and sessions of both scores, speakers, types of answer.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from soma.bench.candidates.matrix import DEEPEST, CandidateMatrix, Floats, Indexes
from soma.bench.data.collections import Collection
from soma.memory.embedders.base import Embedder
from soma.memory.index.traits import NUMBER, TIME, find_traits
from soma.memory.text.languages import ENGLISH
from soma.memory.text.vocabulary import BY_LANGUAGE
from soma.memory.text.words import tokens, words
from soma.memory.types import NewMemory

K1, B = 0.9, 0.4
CANDIDATES = 200
VOCABULARY = BY_LANGUAGE[ENGLISH]
RANK_CONSTANT = 60  # of reciprocal rank fusion


class PlainIndex:
    """One conversation as arrays: word counts [words, messages], vectors [messages, 384], bounds of sessions."""

    def __init__(self, conversation: Collection, embedder: Embedder) -> None:
        messages = conversation.messages
        texts = [_with_header(message) for message in messages]
        self.vectors = np.array([embedder.read(text).vector for text in texts])
        self.counts, self.vocabulary = _counts([words(text) for text in texts])
        self.lengths = self.counts.sum(axis=0)
        sessions = [message.conversation_id for message in messages]
        self.first = np.array([sessions.index(session) for session in sessions])
        self.last = self.first + np.array([sessions.count(session) for session in sessions])
        self.keys = [message.key for message in messages]
        self.speakers = [str(message.metadata["speaker"]) for message in messages]
        self.image = np.array(["image" in message.metadata for message in messages], np.float64)
        self.asks = np.array([message.text.rstrip().endswith("?") for message in messages], np.float64)
        bits = np.array([find_traits(tokens(message.text)) for message in messages])
        self.time, self.number = (bits & TIME > 0).astype(np.float64), (bits & NUMBER > 0).astype(np.float64)

    def dense(self, vector: NDArray[np.float32]) -> Floats:
        scores: Floats = (self.vectors @ vector).astype(np.float64)
        return scores

    def lexical(self, question: str) -> Floats:
        return self._bm25(self._terms(question), self.counts, self.lengths)

    def features(self, question: str, vector: NDArray[np.float32]) -> dict[str, Floats]:
        """Return the views of the floor for all messages."""
        dense, terms, count = self.dense(vector), self._terms(question), np.ones(len(self.keys))
        lexical = self._bm25(terms, self.counts, self.lengths)
        named = np.array([any(word in tokens(question) for word in tokens(name)) for name in self.speakers], np.float64)
        found = {"dense": dense, "lexical": lexical, "dense_1": self._window(dense, 1) / self._window(count, 1)}
        for reach in (1, 3):
            wide = self._window(self.counts[terms], reach)
            found[f"lexical_{reach}"] = self._bm25(range(len(terms)), wide, self._window(self.lengths, reach), terms)
        reach = len(self.keys)
        session = self._window(self.counts[terms], reach)
        found["session"] = self._bm25(range(len(terms)), session, self._window(self.lengths, reach), terms)
        found["session_dense"] = np.array([dense[a:b].max() for a, b in zip(self.first, self.last, strict=True)])
        for name, scores in (("dense", dense), ("lexical", lexical)):
            found[f"{name}_before"], found[f"{name}_after"] = self._beside(scores, -1), self._beside(scores, 1)
        lower = question.lower()
        return found | {
            "speaker": named,
            "other": (1 - named) * named.any(),
            "length": np.log1p(self.lengths),
            "asks": self.asks,
            "image": self.image,
            "time": self.time * bool(VOCABULARY.asks_when.search(lower)),
            "number": self.number * bool(VOCABULARY.asks_number.search(lower)),
            "product": _spread(dense) * _spread(lexical),
            "product_1": _spread(found["dense_1"]) * _spread(found["lexical_1"]),
        }

    def _terms(self, question: str) -> list[int]:
        return sorted({self.vocabulary[word] for word in words(question) if word in self.vocabulary})

    def _bm25(
        self, rows: Sequence[int] | range, counts: Floats, lengths: Floats, terms: Sequence[int] | None = None
    ) -> Floats:
        frequency = (self.counts[list(terms if terms is not None else rows)] > 0).sum(axis=1)
        weight = np.log(1 + (len(self.keys) - frequency + 0.5) / (frequency + 0.5))
        chosen = counts[list(rows)]
        norm = K1 * (1 - B + B * lengths / lengths.mean())
        scores: Floats = (weight[:, None] * chosen * (K1 + 1) / (chosen + norm)).sum(axis=0)
        return scores

    def _window(self, values: Floats, reach: int) -> Floats:
        """Sum along the last axis over the messages within `reach` in the same session."""
        zero = np.zeros((*values.shape[:-1], 1))
        running = np.concatenate([zero, np.cumsum(values, axis=-1)], axis=-1)
        place = np.arange(len(self.keys))
        until, since = np.minimum(place + reach + 1, self.last), np.maximum(place - reach, self.first)
        sums: Floats = running[..., until] - running[..., since]
        return sums

    def _beside(self, scores: Floats, step: int) -> Floats:
        place = np.arange(len(self.keys)) + step
        inside = (place >= self.first) & (place < self.last)
        return np.where(inside, scores[np.clip(place, 0, len(scores) - 1)], 0)


def rank_baselines(
    conversations: Sequence[Collection], embedder: Embedder
) -> tuple[CandidateMatrix, Mapping[str, NDArray[np.bool_]]]:
    """Return the candidates of the floor, and for each plain ranking whether each of its first ranks is right."""
    features, rows, gold, orders = [], [], [], {"bm25": [], "dense": [], "rrf": []}  # type: ignore[var-annotated]
    for conversation in conversations:
        plain = PlainIndex(conversation, embedder)
        for asked in conversation.questions:
            right = np.array([key in asked.gold for key in plain.keys])
            found = plain.features(asked.text, embedder.read(asked.text).vector)
            best = np.union1d(_top(found["dense"], CANDIDATES), _top(found["lexical"], CANDIDATES))
            features.append(np.stack([_levels(scores[best]) for scores in found.values()], axis=1))
            rows.append(len(best))
            gold.append(right[best])
            fused = _reciprocal(found["dense"]) + _reciprocal(found["lexical"])
            for name, scores in (("bm25", found["lexical"]), ("dense", found["dense"]), ("rrf", fused)):
                orders[name].append(right[_top(scores, DEEPEST)])
    questions = [asked for conversation in conversations for asked in conversation.questions]
    matrix = CandidateMatrix(
        views=list(found),
        values=np.concatenate(features).astype(np.float32),
        gold=np.concatenate(gold),
        starts=np.cumsum([0, *rows]),
        gold_count=np.array([len(asked.gold) for asked in questions]),
        category=np.array([asked.category for asked in questions]),
        conversation=np.repeat(np.arange(len(conversations)), [len(one.questions) for one in conversations]),
    )
    return matrix, {name: np.array(found) for name, found in orders.items()}


def _with_header(message: NewMemory) -> str:
    at = datetime.fromisoformat(message.occurred_at or "")
    image = f" [image: {message.metadata['image']}]" if "image" in message.metadata else ""
    return f"{message.metadata['speaker']}, {at.day} {at:%B %Y}: {message.text}{image}"


def _counts(texts: Sequence[Sequence[str]]) -> tuple[Floats, dict[str, int]]:
    vocabulary: dict[str, int] = {}
    for text in texts:
        for word in text:
            vocabulary.setdefault(word, len(vocabulary))
    counts = np.zeros((len(vocabulary), len(texts)))
    for place, text in enumerate(texts):
        for word in text:
            counts[vocabulary[word], place] += 1
    return counts, vocabulary


def _top(scores: Floats, count: int) -> Indexes:
    order: Indexes = np.argsort(-scores, kind="stable")[:count]
    return order


def _reciprocal(scores: Floats) -> Floats:
    ranks: Floats = 1 / (RANK_CONSTANT + np.argsort(np.argsort(-scores, kind="stable")))
    return ranks


def _spread(scores: Floats) -> Floats:
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.zeros_like(scores)


def _levels(scores: Floats) -> Floats:
    return np.rint(_spread(scores) * 65_535) / 65_535
