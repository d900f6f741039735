"""Optimistic writes: prepared beside the writer's thread, committed only if the learner is where it was."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from soma.events.transaction import Transaction
from soma.events.writer import Writer

P = TypeVar("P")
T = TypeVar("T")
TRIES = 3


class LearnerMoved(Exception):
    """Between preparing and committing, the learner learned something else."""


async def commit_if_unchanged(
    writer: Writer,
    prepare: Callable[[], Awaitable[P | None]],
    commit: Callable[[Transaction, P], T],
    commit_in_place: Callable[[Transaction], T],
    *,
    tries: int = TRIES,
) -> T:
    """Prepare and commit, again while `commit` raises LearnerMoved.

    After `tries`, or where `prepare` returns None, `commit_in_place` does both in the writer's thread, where nobody
    comes between.
    """
    for _ in range(tries):
        prepared = await prepare()
        if prepared is None:
            break
        try:
            return await writer.write(partial(_commit, commit, prepared))
        except LearnerMoved:
            continue
    return await writer.write(commit_in_place)


def _commit(commit: Callable[[Transaction, P], T], prepared: P, transaction: Transaction) -> T:
    return commit(transaction, prepared)
