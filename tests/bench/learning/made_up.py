"""A made-up tenant whose right memories stand high in `graph`, and whose other views are noise."""

import random

import numpy as np

from soma.bench.candidates.questions import QuestionSet

NAMES = ("graph", "semantic", "temporal")
PRIOR = {"semantic": 1.0, "graph": 0.2, "temporal": 0.1}


def make_tenant(questions: int = 30, candidates: int = 20) -> QuestionSet:
    draws = random.Random(3)
    values = np.array([[draws.randrange(65536) for _ in NAMES] for _ in range(questions * candidates)], np.uint16)
    gold = np.zeros(len(values), bool)
    gold[::candidates] = True
    values[:, 0] //= 4
    values[gold, 0] = 50_000
    return QuestionSet(
        views=np.array(NAMES),
        values=values,
        gold=gold,
        starts=np.arange(questions + 1) * candidates,
        gold_count=np.ones(questions, int),
        category=np.ones(questions, int),
        earliest=np.zeros(questions),
        latest=np.zeros(questions),
        near=np.zeros(len(values), np.float32),
        tokens=np.ones(len(values), np.int32),
        texts=tuple(f"What is thing {n}?" for n in range(questions)),
    )
