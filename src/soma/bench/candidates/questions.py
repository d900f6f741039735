"""Question sets: the questions of a collection, with the candidates that the real memory finds for them.

Each collection is a tenant. Its candidates are cached in a temporary file whose name is a digest of the memory's
source and of the data: a change of either computes them anew.
"""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soma.bench.candidates.gather import gather
from soma.bench.candidates.matrix import CandidateMatrix, Floats, Indexes
from soma.bench.data.collections import Collection, GoldQuestion
from soma.bench.data.sets import load_set, set_files
from soma.bench.data.unanswered import UNANSWERED
from soma.brain.tokens import BundledTokenizer
from soma.memory.embedders.minilm import MiniLM
from soma.memory.types import STEPS, Candidate, Candidates

VIEWING = ("embedders", "index", "recall.py", "rendering.py", "text", "views")  # in soma.memory: they decide a view
NOT_VIEWING = ("__pycache__", "shapes.py")  # the weights that suit a kind of data decide no view
Progress = Callable[[int], None]
COLLECTIONS_ASKED = 2  # of a set, that are asked what nothing answers
TEXTS = "texts"  # the field of a question set that is not cached


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The questions of one tenant. Rows are candidates by key, those of question q from `starts[q]` to `starts[q + 1]`.

    Columns are `views`. `near` is the cosine of each candidate with its question, `tokens` its length. `earliest` and
    `latest` are the places of the first and last evidence of a question in the collection, in [0, 1]. `texts` are read
    from the data each time, and not cached.
    """

    views: NDArray[np.str_]
    values: NDArray[np.uint16]
    gold: NDArray[np.bool_]
    starts: Indexes
    gold_count: Indexes
    category: Indexes
    earliest: Floats
    latest: Floats
    near: NDArray[np.float32]
    tokens: NDArray[np.int32]
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.gold_count)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.views.tolist())

    def as_matrix(self) -> CandidateMatrix:
        return CandidateMatrix(
            views=self.names,
            values=(self.values / np.float32(STEPS)).astype(np.float32),
            gold=self.gold,
            starts=self.starts,
            gold_count=self.gold_count,
            category=self.category,
            conversation=np.zeros(len(self), np.int64),
        )


def join_question_sets(parts: Sequence[QuestionSet]) -> QuestionSet:
    """Join the questions of several collections, each question with its own candidates, as those of one tenant."""
    ends = np.cumsum([0, *(len(part.gold) for part in parts)])
    starts = [part.starts[:-1] + end for part, end in zip(parts, ends, strict=False)]
    return QuestionSet(
        views=parts[0].views,
        starts=np.concatenate([*starts, ends[-1:]]),
        texts=tuple(text for part in parts for text in part.texts),
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("values", "gold", "gold_count", "category", "earliest", "latest", "near", "tokens")
        },
    )


def count_missing(name: str, folder: Path, numbers: Sequence[int] | None = None) -> int:
    """Count the messages and questions of a set that are not in the cache."""
    cache, collections = cache_folder(name, folder), load_set(name, folder)
    absent = [collections[n] for n in _all_or(numbers, collections) if not _are_there(cache, n)]
    return sum(len(one.messages) + len(one.questions) + len(UNANSWERED) for one in absent)


def cache_folder(name: str, folder: Path) -> Path:
    return Path(tempfile.gettempdir()) / "soma-bench-candidates" / f"{name}-{digest(set_files(name, folder))}"


def load_question_sets(
    name: str, folder: Path, *, numbers: Sequence[int] | None = None, progress: Progress = lambda _: None
) -> list[QuestionSet]:
    """Load the question sets of a set's collections (all, or those of `numbers`) from the cache, or compute them.

    `progress` is called with the messages and questions done.
    """
    collections, cache = load_set(name, folder), cache_folder(name, folder)
    cache.mkdir(parents=True, exist_ok=True)
    found = []
    for number in _all_or(numbers, collections):
        collection = collections[number]
        if not _are_there(cache, number):
            _compute(collection, _files(cache, number), progress)
        found.append(_load(_files(cache, number)[0], collection))
    return found


def load_unanswered(name: str, folder: Path) -> list[QuestionSet]:
    """Load what the first collections of a set bring for questions that nothing answers, once their own are there."""
    cache = cache_folder(name, folder)
    return [
        _load(_files(cache, number)[1], replace(collection, questions=UNANSWERED))
        for number, collection in enumerate(load_set(name, folder)[:COLLECTIONS_ASKED])
    ]


def _files(cache: Path, number: int) -> list[Path]:
    """Return the file of the collection's own questions and, of the first collections, that of unanswered ones."""
    return [cache / f"{number}.npz", cache / f"{number}.unanswered.npz"][: 2 if number < COLLECTIONS_ASKED else 1]


def _are_there(cache: Path, number: int) -> bool:
    return all(file.exists() for file in _files(cache, number))


def _compute(collection: Collection, files: Sequence[Path], progress: Progress) -> None:
    """Compute what is missing of both files, with the collection remembered once."""
    parts = [replace(collection, questions=questions) for questions in (collection.questions, UNANSWERED)]
    missing = [(part, file) for part, file in zip(parts, files, strict=False) if not file.exists()]
    asked = replace(collection, questions=[question for part, _ in missing for question in part.questions])
    found = list(map(_by_key, asyncio.run(gather([asked], MiniLM(), tick=progress)).found))
    for part, file in missing:
        _save(file, _tenant(part, found[: len(part.questions)]))
        found = found[len(part.questions) :]


def _all_or(numbers: Sequence[int] | None, collections: Sequence[Collection]) -> Sequence[int]:
    return range(len(collections)) if numbers is None else numbers


def digest(data: Iterable[Path]) -> str:
    """Digest of files of data, of the modules that decide the views, and of the fields that are cached."""
    whole = hashlib.sha256()
    for file in data:
        whole.update(file.read_bytes())
    memory = files("soma.memory")
    sources = [source for name in VIEWING for source in _sources(memory / name)]
    for source in sorted(sources, key=str):
        whole.update(source.read_bytes())
    for name in ("data/locomo.py", "data/sets.py", "candidates/gather.py"):
        whole.update((files("soma.bench") / name).read_bytes())
    whole.update(" ".join(_cached_fields()).encode())
    return whole.hexdigest()[:16]


def _cached_fields() -> list[str]:
    return [field.name for field in fields(QuestionSet) if field.name != TEXTS]


def _sources(place: Traversable) -> list[Traversable]:
    if place.is_file():
        return [place]
    return [source for entry in place.iterdir() if entry.name not in NOT_VIEWING for source in _sources(entry)]


def _by_key(candidates: Candidates) -> list[tuple[Candidate, float]]:
    """Return each candidate with its cosine with the question."""
    near = candidates.vectors @ np.asarray(candidates.query_embedding, np.float32)
    return sorted(zip(candidates, near.tolist(), strict=True), key=lambda pair: pair[0].key)


def _tenant(conversation: Collection, found: Sequence[Sequence[tuple[Candidate, float]]]) -> QuestionSet:
    pairs = [pair for candidates in found for pair in candidates]
    rows = [candidate for candidate, _ in pairs]
    views = sorted(rows[0].views)
    count = cache(BundledTokenizer().count)
    golds = [
        question.gold for question, candidates in zip(conversation.questions, found, strict=True) for _ in candidates
    ]
    places = [_places(conversation, question) for question in conversation.questions]
    return QuestionSet(
        views=np.array(views),
        values=np.array([[row.views[view] for view in views] for row in rows], np.uint16),
        gold=np.array([row.key in gold for row, gold in zip(rows, golds, strict=True)]),
        starts=np.cumsum([0, *map(len, found)]),
        gold_count=np.array([len(question.gold) for question in conversation.questions]),
        category=np.array([question.category for question in conversation.questions]),
        earliest=np.array([min(place) for place in places]),
        latest=np.array([max(place) for place in places]),
        near=np.array([cosine for _, cosine in pairs], np.float32),
        tokens=np.array([count(row.text) for row in rows], np.int32),
        texts=_texts(conversation),
    )


def _texts(conversation: Collection) -> tuple[str, ...]:
    return tuple(question.text for question in conversation.questions)


def _places(conversation: Collection, question: GoldQuestion) -> list[float]:
    order = {message.key: place for place, message in enumerate(conversation.messages)}
    return [order[key] / max(len(order) - 1, 1) for key in question.gold] or [0.0]


def _save(path: Path, tenant: QuestionSet) -> None:
    columns = {name: getattr(tenant, name) for name in _cached_fields()}
    draft = path.with_name(f"{path.stem}.{os.getpid()}.npz")  # another process may write the same file
    np.savez(draft, **columns)
    draft.rename(path)


def _load(path: Path, conversation: Collection) -> QuestionSet:
    with np.load(path) as columns:
        return QuestionSet(**{name: columns[name] for name in _cached_fields()}, texts=_texts(conversation))
