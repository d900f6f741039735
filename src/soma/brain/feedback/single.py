"""A single feedback: recorded always, learned from where it can be, once by its key and once by what it says."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

import msgspec

from soma.brain.context.corrections import is_kept, question_of
from soma.brain.errors import BrainRefused
from soma.brain.experiments.experiments import Experiments
from soma.brain.feedback import daily_bounds
from soma.brain.feedback.answers import FirstAnswer, find_answers, find_first_answer, keep_answers
from soma.brain.feedback.commit import ConsequenceWriter
from soma.brain.feedback.decision import Consequences, FeedbackResult, learn_from
from soma.brain.feedback.meaning import (
    CAUSE,
    FeedbackWithTarget,
    aspect_of,
    check_feedback,
    digest_of,
    imply_verdict,
    key_of,
    memory_of,
    observations_of,
    receipt_of,
    target_of,
    typed_corrections_of,
)
from soma.brain.feedback.memory_values import Committed, Values
from soma.brain.feedback.statements import (
    BOUND,
    CORRECTION,
    LearnedStatement,
    StandingStatement,
    StatementDecision,
    add_uncommitted,
    decide,
    drop_rolled_back,
    find_standing,
    refuse_credit,
    statements_of,
)
from soma.brain.feedback.targets import find_target
from soma.brain.learners.chain import subject_of
from soma.brain.learners.learners import Learners, LearningResult
from soma.brain.learners.lineage import standing_versions
from soma.brain.learners.presentation import difference, fill_unmoved, weight_changes
from soma.brain.learners.reward_gate import WITHDRAWN, Void, is_withdrawn
from soma.brain.owner import owner_of
from soma.brain.types import FeedbackAnswer, Principal
from soma.brain.wire.requests import Feedback
from soma.events.database import Reader
from soma.events.facts.codec import draft
from soma.events.ids import now
from soma.events.transaction import Prefetch, Transaction
from soma.events.writer import Writer
from soma.memory.memory import Memory
from soma.memory.types import Keep, Query, RememberResult
from soma.memory.values import WrittenValues
from soma.process.threads import run_in_thread

TAKEN_BACK = "taken_back"  # by a rollback, or by a newer statement
LONGEST_QUESTION = 16_000  # characters


class KnownBefore(NamedTuple):
    """Knowledge of a feedback when it came: the first answer to its key, and what was learned of its targets.

    `learned` holds statements by name, that of the turn's own model among them; `standing` those of them that were not
    rolled back since. `is_forgotten`: what a correction typed was forgotten, so that it may be typed again.
    """

    first_answer: FirstAnswer | None
    learned: Mapping[str, StandingStatement]
    standing: Mapping[str, StandingStatement] = {}
    is_forgotten: bool = False


class FeedbackIntake:
    """Takes one feedback at a time; of one person at most `most` statements a day and aspect are learned."""

    def __init__(
        self,
        writer: Writer,
        memory: Memory,
        learners: Learners,
        values: Values,
        *,
        experiments: Experiments,
        threads: Executor,
        most: int,
    ) -> None:
        self._writer = writer
        self._memory = memory
        self._learners = learners
        self._values = values
        self._experiments = experiments
        self._consequences = ConsequenceWriter(values, experiments, most=most)
        self._threads = threads
        self._most = most

    async def take(self, principal: Principal, body: Feedback) -> Committed[FeedbackAnswer]:
        """Check, look up and commit a feedback; what a correction types is remembered in the same commit."""
        body = imply_verdict(body)
        check_feedback(body)
        feedback = await self._with_question(await self._with_target(principal, body))
        prefetch = lookup_of(feedback)
        if (new := memory_of(feedback)) is None:
            return await self._writer.write(lambda transaction: self.commit(transaction, feedback), prefetch=prefetch)
        return await self._memory.remember_within(
            owner_of(principal),
            new,
            lambda transaction, keep: self.commit(transaction, feedback, keep),
            prefetch=prefetch,
        )

    async def _with_target(self, principal: Principal, body: Feedback) -> FeedbackWithTarget:
        if body.bundle_id or body.turn_id:
            return await run_in_thread(self._threads, find_target, self._writer.database, principal, body)
        return FeedbackWithTarget(principal, body, key_of(principal, body), statements=statements_of(principal, body))

    async def _with_question(self, feedback: FeedbackWithTarget) -> FeedbackWithTarget:
        """Add the question as the person put it: a bundle may be of the question and a draft."""
        body, bundle = feedback.body, feedback.bundle
        if body.correction is not None and bundle is None and not body.query:
            raise BrainRefused("invalid_body", "A correction needs its question: name the bundle, or say it.", "query")
        if not body.query or (bundle is not None and body.query == bundle.query):
            return feedback
        if body.correction is None and (bundle is None or not body.has_evidence):
            return feedback
        query = Query(text=body.query[:LONGEST_QUESTION], top_k=1)
        found = await self._memory.candidates(owner_of(feedback.principal), query)
        return feedback._replace(question=question_of(body.query, found.query_embedding))

    def commit(
        self, transaction: Transaction, feedback: FeedbackWithTarget, remember: Keep | None = None
    ) -> Committed[FeedbackAnswer]:
        """Commit one feedback; a repeated one gets its first answer. `remember` keeps what a correction types."""
        principal = feedback.principal
        known = self._find_known(transaction, feedback)
        left = daily_bounds.count_left_now(transaction, principal, self._most)
        decision = decide(feedback.statements, known.standing, left)
        if any(one.name in known.standing for one in feedback.persons):
            decision = refuse_credit(decision)
        if (first := _find_first(transaction, feedback, known, decision)) is not None:
            return Committed(self._repeat_answer(transaction, principal, first))
        feedback = _void_if_withdrawn(transaction, _rename_key(feedback, known))
        subject = subject_of(principal, turn_id=feedback.body.turn_id)
        received = transaction.append(draft(receipt_of(feedback), subject))
        before = self._learners.current(transaction, principal)
        written = self._take_back(transaction, feedback, known, decision)
        state = self._learners.current(transaction, principal).state
        result = learn_from(state, feedback, decision, self._learners.hyperparameters)
        cause = feedback.body.source if feedback.body.is_credit else CAUSE
        learning = self._learners.keep_steps(transaction, principal, subject, result.steps, cause)
        remembered = remember() if remember and CORRECTION not in decision.refused else ()
        found = self._consequences_of(transaction, result, known, remembered, at=received.timestamp)
        written = [
            *written,
            *self._consequences.write(
                transaction,
                principal,
                received,
                found,
                version=learning.after.state.version,
                conversation_id=feedback.body.conversation,
            ),
        ]
        answer = _answer(result, before.weights, learning, remembered)
        first_answer = FirstAnswer(shorten_answer(answer), feedback.said_under_key)
        keep_answers(transaction, principal.tenant_id, [(answer.feedback_id, first_answer)], at=received.timestamp)
        return Committed(answer, learning.after.state, written)

    def _find_known(self, transaction: Transaction, feedback: FeedbackWithTarget) -> KnownBefore:
        principal = feedback.principal
        stored: KnownBefore = transaction.get_prefetched(lookup_of(feedback)) or KnownBefore(None, {})
        first = transaction.get_noted(("answer", principal.tenant_id, feedback.key or ""), lambda: stored.first_answer)
        learned = add_uncommitted(transaction, principal.tenant_id, feedback.all_statements, stored.learned)
        version = self._learners.current(transaction, principal).state.version
        standing = drop_rolled_back(transaction, principal, version, learned)
        typed = [one.name for one in feedback.statements if one.aspect == CORRECTION and one.name in standing]
        if not typed or is_kept(transaction, principal, target_of(feedback.body)):
            return KnownBefore(first, learned, standing)
        still = {name: one for name, one in standing.items() if name not in typed}
        return KnownBefore(first, learned, still, is_forgotten=True)

    def _take_back(
        self,
        transaction: Transaction,
        feedback: FeedbackWithTarget,
        known: KnownBefore,
        decision: StatementDecision,
    ) -> WrittenValues:
        """Leave out the statements that are replaced, from the learner and from the values of memories.

        Where a person speaks, what the turn's own model cited and what nobody gave are no longer learned either.
        """
        learned, _ = observations_of(feedback, decision.refused, self._learners.hyperparameters)
        aspects = {aspect_of(observation) for observation in learned}
        versions = frozenset(version for aspect, version in decision.replaced.items() if aspect in aspects)
        if learned:
            outspoken = [known.standing[one.name] for one in feedback.outspoken if one.name in known.standing]
            versions |= {one.version for one in outspoken}
        if not versions:
            return []
        subject = subject_of(feedback.principal, turn_id=feedback.body.turn_id)
        return self._values.take_back(transaction, feedback.principal, subject, versions)

    def _consequences_of(
        self,
        transaction: Transaction,
        result: FeedbackResult,
        known: KnownBefore,
        remembered: Sequence[RememberResult],
        *,
        at: str,
    ) -> Consequences:
        feedback, found = result.feedback, Consequences()
        running = self._experiments.find_running(transaction, feedback.principal) if result.steps else ()
        found.add(result, {row.metric for row in running}, self._learners.hyperparameters, at=at)
        # a correction teaches no weight, and stands after all that its feedback taught
        versions = result.versions | ({CORRECTION: result.state.version} if remembered else {})
        found.corrections += typed_corrections_of(feedback, remembered, versions.get(CORRECTION))
        found.statements = [
            LearnedStatement(
                one,
                StandingStatement(one.content, feedback.key or "", versions[one.aspect]),
                is_new=one.name not in known.learned,
            )
            for one in feedback.statements
            if one.aspect in versions
        ]
        return found

    def _repeat_answer(self, transaction: Transaction, principal: Principal, first: str) -> FeedbackAnswer:
        if first:
            return self._update_answer(transaction, principal, restore_answer(first))
        current = self._learners.current(transaction, principal)  # it came in a batch, which answers in sums
        weights = dict(current.weights)
        return FeedbackAnswer(
            accepted=True,
            adaptation_applied=False,
            weights_before=weights,
            weights_after=weights,
            weight_deltas={},
            feedback_id="",
            status="duplicate",
            reason="duplicate",
            version=current.state.version,
        )

    def _update_answer(self, transaction: Transaction, principal: Principal, first: FeedbackAnswer) -> FeedbackAnswer:
        """Give the first answer again; what it taught may have been taken back since."""
        version = first.version if first.adaptation_applied else None
        now_at = self._learners.current(transaction, principal).state.version
        if version is None or version > now_at or standing_versions(transaction, principal, now_at, [version]):
            return msgspec.structs.replace(first, status="duplicate")
        return msgspec.structs.replace(first, status="duplicate", adaptation_applied=False, reason=TAKEN_BACK)


def lookup_of(feedback: FeedbackWithTarget) -> Prefetch:
    """Look-up of what was there before a commit, for many requests in one query."""
    names = tuple(one.name for one in feedback.all_statements)
    return Prefetch(_look_up, (feedback.principal.tenant_id, feedback.key or "", names))


def _look_up(
    reads: Reader, keys: Sequence[tuple[str, str, tuple[str, ...]]]
) -> dict[tuple[str, str, tuple[str, ...]], KnownBefore]:
    answers = find_answers(reads, [(tenant_id, key) for tenant_id, key, _ in keys])
    by_tenant: dict[str, list[str]] = {}
    for tenant_id, _, names in keys:
        by_tenant.setdefault(tenant_id, []).extend(names)
    found = {tenant_id: find_standing(reads, tenant_id, names) for tenant_id, names in by_tenant.items()}
    return {
        key: KnownBefore(answers.get(key[:2]), {name: one for name in key[2] if (one := found[key[0]].get(name))})
        for key in keys
    }


def _find_first(
    transaction: Transaction, feedback: FeedbackWithTarget, known: KnownBefore, decision: StatementDecision
) -> str | None:
    """Find the first answer to what was said before, by its key or by what it says; None where it is new."""
    has_own_key = feedback.body.idempotency_key is not None
    if known.first_answer is not None and has_own_key:
        known.first_answer.check_said(feedback.said_under_key)
        return known.first_answer.text
    text = None if known.first_answer is None else known.first_answer.text
    if not decision.repeats(feedback.statements):
        has_room_now = not decision.refused and _was_bound(text)
        return None if decision.replaced or known.is_forgotten or has_room_now else text
    tenant_id = feedback.principal.tenant_id
    said_first = known.standing[feedback.statements[0].name].feedback_id
    first = find_first_answer(transaction, tenant_id, said_first) or FirstAnswer("")
    if has_own_key:
        again = FirstAnswer(first.text, feedback.said_under_key)
        keep_answers(transaction, tenant_id, [(feedback.key or "", again)], at=now())
    return first.text


def _was_bound(first: str | None) -> bool:
    """True if the day had no room for it then: it may be learned once there is."""
    return bool(first) and restore_answer(first or "").reason == BOUND


def _rename_key(feedback: FeedbackWithTarget, known: KnownBefore) -> FeedbackWithTarget:
    """Give feedback a new key that was said before, replaced since, and is now said again."""
    if known.first_answer is None:
        return feedback
    learned = known.learned if known.is_forgotten else known.standing
    replaced = (one.feedback_id for one in learned.values() if one.feedback_id)
    return feedback._replace(key=digest_of(feedback.principal, "again", *replaced, feedback.key or ""))


def _void_if_withdrawn(transaction: Transaction, feedback: FeedbackWithTarget) -> FeedbackWithTarget:
    """Look again whether the answer was withdrawn: it may have been since the target was looked up."""
    turn_id = feedback.body.turn_id
    if feedback.void is None and turn_id is not None and is_withdrawn(transaction, feedback.principal, turn_id):
        return feedback._replace(void=Void(WITHDRAWN))
    return feedback


def _answer(
    result: FeedbackResult,
    weights_before: Mapping[str, float],
    learning: LearningResult,
    remembered: Sequence[RememberResult],
) -> FeedbackAnswer:
    before, after = dict(weights_before), dict(learning.after.weights)
    return FeedbackAnswer(
        accepted=True,
        adaptation_applied=result.is_applied,
        weights_before=before,
        weights_after=after,
        weight_deltas=fill_unmoved(weight_changes(before, after), after),
        feedback_id=result.feedback.key or "",
        reason=result.reason,
        version=learning.after.state.version,
        clipped=sorted({name for explanation in result.explanations for name in explanation.clipped_names}),
        voided=result.feedback.is_voided,
        held_out=result.is_held_out,
        memory_id=next((memory.id for memory in remembered), None),
    )


def shorten_answer(answer: FeedbackAnswer) -> str:
    """JSON of an answer for the case that it is asked for again, without what can be worked out."""
    before, after = answer.weights_before, answer.weights_after
    changed = {name: weight for name, weight in after.items() if before.get(name) != weight}
    return msgspec.json.encode(msgspec.structs.replace(answer, weights_after=changed, weight_deltas={})).decode()


def restore_answer(kept: str) -> FeedbackAnswer:
    """Inverse of `shorten_answer`, to the bit."""
    answer = msgspec.json.decode(kept, type=FeedbackAnswer)
    after = answer.weights_before | answer.weights_after
    deltas = difference(answer.weights_before, after)
    return msgspec.structs.replace(answer, weights_after=after, weight_deltas=deltas)
