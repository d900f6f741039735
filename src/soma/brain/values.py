"""The learned value of single memories: decided here, kept by the memory, shown by it as the view `value`."""

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.state import LearnerState
from soma.brain.core.values import next_value
from soma.brain.types import Principal
from soma.events.transaction import Transaction
from soma.memory import values as kept
from soma.memory.memory import Memory

T = TypeVar("T")


class Taken(NamedTuple, Generic[T]):
    """A write's answer, and what is to be shown once it is committed."""

    answer: T
    state: LearnerState | None = None
    values: kept.Written = ()


class Values:
    def __init__(self, memory: Memory, constants: Hyperparameters) -> None:
        self._memory = memory
        self._constants = constants

    def move(self, transaction: Transaction, principal: Principal, named: Sequence[tuple[str, bool]]) -> kept.Written:
        """value += rate (helpful - value), in order, within the transaction; `show` it after the commit."""
        if not named:
            return []
        learned = kept.read(transaction, principal.tenant_id, [memory_id for memory_id, _ in named])
        for memory_id, helpful in named:
            if memory_id in learned:
                learned[memory_id] = next_value(learned[memory_id], self._constants, helpful=helpful)
        return kept.write(transaction, principal.tenant_id, learned)

    async def show(self, principal: Principal, written: kept.Written) -> None:
        if written:
            await self._memory.apply_values(principal.tenant_id, written)
