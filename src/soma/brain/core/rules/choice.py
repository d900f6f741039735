"""Choice: how likely weights were to choose what helped among the shown, by a softmax of their scores."""

from collections.abc import Sequence

from soma.brain.core.arithmetic import dot, exp, total

Row = tuple[float, ...]
Rows = Sequence[Row]


def score_rows(rows: Rows, weights: Row, scale: float) -> list[float]:
    """Return w.x / scale of each row, added left to right."""
    return [dot(row, weights) / scale for row in rows]


def choice_chances(scores: Sequence[float], y: Sequence[float]) -> tuple[list[float], float]:
    """Return p = softmax(scores), and e^-L: how likely the weights were to choose what helped; L = log Z - sum y s."""
    top = max(scores)
    above = [score - top for score in scores]
    parts = [exp(score) for score in above]
    whole = total(parts)
    return [part / whole for part in parts], exp(dot(y, above)) / whole


def count_right_pairs(scores: Sequence[float], y: Sequence[float]) -> int:
    """Count the pairs of a memory that helped and one that did not in which the first has the higher score."""
    helped = [score for score, target in zip(scores, y, strict=True) if target]
    others = [score for score, target in zip(scores, y, strict=True) if not target]
    return sum(one > other for one in helped for other in others)
