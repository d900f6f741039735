"""Question sets: the questions of a LoCoMo conversation, with the candidates that the real memory finds for them.

Each conversation is a tenant. Its candidates are cached in a temporary file whose name is a digest of the memory's
source and of the data: a change of either computes them anew.
"""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soma.bench.candidates.gather import gather
from soma.bench.candidates.matrix import CandidateMatrix, Floats, Indexes
from soma.bench.data import locomo
from soma.bench.data.locomo import GoldQuestion, LocomoConversation
from soma.memory.embedders.minilm import MiniLM
from soma.memory.types import STEPS, Candidate, Candidates

VIEWING = ("embedders", "index", "recall.py", "rendering.py", "text", "views")  # in soma.memory: they decide a view
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The questions of one tenant. Rows are candidates by key, those of question q from `starts[q]` to `starts[q + 1]`.

    Columns are `views`. `earliest` and `latest` are the places of the first and last evidence of a question in the
    conversation, in [0, 1].
    """

    views: NDArray[np.str_]
    values: NDArray[np.uint16]
    gold: NDArray[np.bool_]
    starts: Indexes
    gold_count: Indexes
    category: Indexes
    earliest: Floats
    latest: Floats

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


def count_missing(data: Path, conversations: Sequence[int]) -> int:
    """Count the messages and questions that are not in the cache."""
    folder, all_conversations = cache_folder(data), locomo.load(data)
    absent = [all_conversations[number] for number in conversations if not (folder / f"{number}.npz").exists()]
    return sum(len(conversation.messages) + len(conversation.questions) for conversation in absent)


def cache_folder(data: Path) -> Path:
    return Path(tempfile.gettempdir()) / "soma-bench-learn" / digest(data)


def load_question_sets(
    data: Path, *, conversations: Sequence[int] = range(10), progress: Progress = lambda _: None
) -> list[QuestionSet]:
    """Load question sets from the cache, or compute them; `progress` is called with the messages and questions done."""
    all_conversations = locomo.load(data)
    folder = cache_folder(data)
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number in conversations:
        file = folder / f"{number}.npz"
        if not file.exists():
            conversation = all_conversations[number]
            gathered = asyncio.run(gather([conversation], MiniLM(), tick=progress))
            _save(file, _tenant(conversation, [_by_key(one) for one in gathered.found]))
        found.append(_load(file))
    return found


def digest(data: Path) -> str:
    """Digest of the data, of the modules that decide the views, and of the fields that are cached."""
    whole = hashlib.sha256((data / "locomo" / "locomo10.json").read_bytes())
    memory = files("soma.memory")
    sources = [source for name in VIEWING for source in _sources(memory / name)]
    for source in sorted(sources, key=str):
        whole.update(source.read_bytes())
    for name in ("data/locomo.py", "candidates/gather.py"):
        whole.update((files("soma.bench") / name).read_bytes())
    whole.update(" ".join(field.name for field in fields(QuestionSet)).encode())
    return whole.hexdigest()[:16]


def _sources(place: Traversable) -> list[Traversable]:
    if place.is_file():
        return [place]
    return [source for entry in place.iterdir() if entry.name != "__pycache__" for source in _sources(entry)]


def _by_key(candidates: Candidates) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: candidate.key)


def _tenant(conversation: LocomoConversation, found: Sequence[Sequence[Candidate]]) -> QuestionSet:
    views = sorted(found[0][0].views)
    rows = [candidate for candidates in found for candidate in candidates]
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
    )


def _places(conversation: LocomoConversation, question: GoldQuestion) -> list[float]:
    order = {message.key: place for place, message in enumerate(conversation.messages)}
    return [order[key] / max(len(order) - 1, 1) for key in question.gold]


def _save(path: Path, tenant: QuestionSet) -> None:
    columns = {field.name: getattr(tenant, field.name) for field in fields(QuestionSet)}
    draft = path.with_name(f"{path.stem}.{os.getpid()}.npz")  # another process may write the same file
    np.savez(draft, **columns)
    draft.rename(path)


def _load(path: Path) -> QuestionSet:
    with np.load(path) as columns:
        return QuestionSet(**{field.name: columns[field.name] for field in fields(QuestionSet)})
