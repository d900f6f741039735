"""Commit what follows from feedback: rows, statements, corrections, values and results of experiments."""

from collections import Counter

import msgspec

from soma.brain.context.corrections import keep_corrections
from soma.brain.experiments.experiments import Experiments
from soma.brain.feedback import daily_bounds
from soma.brain.feedback.decision import Consequences
from soma.brain.feedback.meaning import ledger_rows
from soma.brain.feedback.memory_values import Values
from soma.brain.feedback.rows import keep_feedback
from soma.brain.feedback.statements import keep_statements
from soma.brain.learners.chain import subject_of
from soma.brain.learners.reward_gate import keep_rewards
from soma.brain.types import Principal
from soma.brain.usage import keep_usage
from soma.events.chain import Event
from soma.events.facts.codec import draft
from soma.events.transaction import Transaction
from soma.memory.values import WrittenValues


class ConsequenceWriter:
    """Writes `Consequences` in the transaction that learned them; `most` statements of a person a day are counted."""

    def __init__(self, values: Values, experiments: Experiments, *, most: int) -> None:
        self._values = values
        self._experiments = experiments
        self._most = most

    def write(
        self,
        transaction: Transaction,
        principal: Principal,
        received: Event,
        found: Consequences,
        *,
        version: int,
        conversation_id: str | None = None,
    ) -> WrittenValues:
        """Write what follows from the feedback that `received` records; `version` is the learner's after it."""
        at = received.timestamp
        keep_statements(transaction, principal.tenant_id, found.statements, at=at)
        if found.statements and self._most:
            counted = Counter(each.statement.aspect for each in found.statements)
            daily_bounds.add_learned(transaction, principal, counted)
        keep_corrections(transaction, principal, found.corrections)
        keep_rewards(transaction, principal, found.rewards)
        for void in found.voids:
            final = msgspec.structs.replace(void, learner_version=version)
            transaction.append(draft(final, subject_of(principal, turn_id=void.turn_id or None)))
        keep_feedback(transaction, received.position, found.rows)
        self._experiments.keep(transaction, principal, found.outcomes)
        keep_usage(transaction, ledger_rows(principal, found.spent, conversation_id, at=at))
        return self._values.move(transaction, principal, found.named, position=received.position)
