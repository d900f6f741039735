"""What weights are fitted to: a fair sample of the candidates, and no set that they are examined on."""

import numpy as np
import pytest

from soma.bench.candidates import fitting
from soma.bench.candidates.fitting import fit_weights
from soma.bench.candidates.matrix import CandidateMatrix
from soma.bench.candidates.shapes import fit_shapes

QUESTIONS, CANDIDATES = 60, 40


def make_matrix(helps: int) -> CandidateMatrix:
    """Make questions whose gold is the candidate with the most of one of two views, but for noise."""
    generator = np.random.default_rng(helps)
    values = generator.random((QUESTIONS * CANDIDATES, 2)).astype(np.float32)
    scores = (5 * values[:, helps] + generator.gumbel(size=len(values))).reshape(QUESTIONS, CANDIDATES)
    gold = np.zeros_like(scores, bool)
    gold[np.arange(QUESTIONS), scores.argmax(axis=1)] = True
    return CandidateMatrix(
        views=["semantic", "session"],
        values=values,
        gold=gold.ravel(),
        starts=np.arange(QUESTIONS + 1) * CANDIDATES,
        gold_count=np.ones(QUESTIONS, int),
        category=np.ones(QUESTIONS, int),
        conversation=np.zeros(QUESTIONS, int),
    )


def test_weights_of_a_sample_are_those_of_the_whole_for_it_is_drawn_by_lot_and_not_of_the_best(monkeypatch):
    matrix = make_matrix(0)
    whole = fit_weights(matrix, matrix.views, np.arange(QUESTIONS), l2=0.1)
    monkeypatch.setattr(fitting, "COMPARED", 15)
    sample = fit_weights(matrix, matrix.views, np.arange(QUESTIONS), l2=0.1)
    assert sample != whole
    assert sample == pytest.approx(whole, abs=1.0)


def test_a_shape_is_fitted_to_its_sets_without_the_one_that_it_is_examined_on():
    sets = {"rag_corpus": make_matrix(0), "qmsum": make_matrix(1), "cosqa": make_matrix(0)}
    names = ["semantic", "session"]
    both, elsewhere = fit_shapes(sets, names, 1.0), fit_shapes(sets, names, 1.0, without="qmsum")
    assert elsewhere["documents"] == fit_shapes({"rag_corpus": sets["rag_corpus"]}, names, 1.0)["documents"]
    assert elsewhere["documents"] != both["documents"]
    assert set(fit_shapes(sets, names, 1.0, without="cosqa")) == {"documents"}
