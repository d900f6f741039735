"""Taking one feedback: recorded always, learned from where it can be, once by its key and once by what it says."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from soma.brain.context import corrections
from soma.brain.experiments.experiments import Experiments
from soma.brain.feedback import daily_bounds, standing_words
from soma.brain.feedback.answers import find_answers, find_first_answer, keep_answers
from soma.brain.feedback.meaning import (
    CAUSE,
    Told,
    changes,
    corrected,
    digest,
    ledger,
    measure,
    observations,
    question_of,
    received,
    rewarded,
    row_of,
    taken_by,
    target_of,
    typed,
    void_of,
)
from soma.brain.feedback.memory_values import Taken, Values
from soma.brain.feedback.rows import keep_feedback
from soma.brain.feedback.standing_words import BOUND, CORRECTION, Heard, Hearing
from soma.brain.learners.learners import CachedLearner, Learners, LearningResult, subject_of
from soma.brain.learners.lineage import still_held
from soma.brain.learners.observations import Learnable
from soma.brain.learners.presentation import difference, moved, of_every_weight
from soma.brain.learners.reward_gate import WITHDRAWN, Void, is_withdrawn, keep_rewards
from soma.brain.types import FeedbackAnswer, Principal
from soma.brain.usage import keep_usage
from soma.events.facts.codec import draft
from soma.events.ids import now
from soma.events.log import Reads
from soma.events.transaction import Prefetch, Transaction
from soma.memory.types import Keep, Remembered
from soma.memory.values import Written

TAKEN_BACK = "taken_back"  # by a rollback, or by a newer word


class Known(NamedTuple):
    """What was answered to the key of a feedback before, and the words that were learned where it speaks, that of the
    turn's own model among them; of these `standing` were not rolled back since. `is_forgotten`: a correction was, so
    that it may be typed again."""

    first: str | None
    learned: Mapping[str, standing_words.Standing]
    standing: Mapping[str, standing_words.Standing] = {}
    is_forgotten: bool = False


class FeedbackDesk:
    """Takes feedback within a write; of one person at most `most` words a day and question are learned."""

    def __init__(self, learners: Learners, values: Values, experiments: Experiments, *, most: int) -> None:
        self._learners = learners
        self._values = values
        self._experiments = experiments
        self._most = most

    def take(self, transaction: Transaction, told: Told, remember: Keep | None = None) -> Taken[FeedbackAnswer]:
        """One feedback; a repeated one gets the first answer. `remember` keeps what a correction says."""
        known = self._known(transaction, told)
        hearing = standing_words.hear(
            told.words, known.standing, daily_bounds.left_now(transaction, told.principal, self._most)
        )
        if (first := _first(transaction, told, known, hearing)) is not None:
            return Taken(self._repeated(transaction, told.principal, first))
        told = _gated(transaction, _renamed(told, known))
        learned, reason = observations(told, hearing.unheard)
        subject = subject_of(told.principal, turn_id=told.body.turn_id)
        event = transaction.append(draft(received(told), subject))
        before = self._learners.current(transaction, told.principal)
        written = self._take_back(transaction, told, known, hearing, learned)
        lesson = self._learners.teach(transaction, told.principal, subject, learned, CAUSE)
        written = [
            *written,
            *self._values.move(transaction, told.principal, lesson.named, position=event.position),
        ]
        kept = remember() if remember and CORRECTION not in hearing.unheard else ()
        versions = _versions(learned, lesson, kept)
        self._keep_words(transaction, told, known, versions)
        said = [*corrected(told, versions.get(standing_words.EVIDENCE)), *typed(told, kept, versions.get(CORRECTION))]
        corrections.keep(transaction, told.principal, said)
        self._keep_verdict(transaction, told, learned, lesson)
        answer = _answer(told, before, lesson, reason, kept)
        reward = next((each.reward for each in lesson.explanations if each.reward is not None), None)
        self._keep(transaction, told, learned, answer, reward=reward, position=event.position)
        return Taken(answer, lesson.after.state, written)

    def _known(self, transaction: Transaction, told: Told) -> Known:
        principal = told.principal
        stored: Known = transaction.prefetched(asked_of(told)) or Known(None, {})
        first = transaction.noted(("answer", principal.tenant_id, told.key or ""), lambda: stored.first)
        learned = standing_words.standing_now(transaction, principal.tenant_id, told.spoken, stored.learned)
        version = self._learners.current(transaction, principal).state.version
        standing = standing_words.not_rolled_back(transaction, principal, version, learned)
        typed_before = [word.name for word in told.words if word.question == CORRECTION and word.name in standing]
        if not typed_before or corrections.is_kept(transaction, principal, target_of(told.body)):
            return Known(first, learned, standing)
        still = {name: word for name, word in standing.items() if name not in typed_before}
        return Known(first, learned, still, is_forgotten=True)

    def _take_back(
        self, transaction: Transaction, told: Told, known: Known, hearing: Hearing, learned: Sequence[Learnable]
    ) -> Written:
        """The words that are replaced are learned no longer, nor have they moved the values of memories. Where a person
        speaks, what the turn's own model cited is no longer learned either."""
        asked = {question_of(observation) for observation in learned}
        versions = frozenset(version for question, version in hearing.replaced.items() if question in asked)
        if learned:
            versions |= {known.standing[echo.name].version for echo in told.echoes if echo.name in known.standing}
        if not versions:
            return []
        subject = subject_of(told.principal, turn_id=told.body.turn_id)
        return self._values.take_back(transaction, told.principal, subject, versions)

    def _keep_words(self, transaction: Transaction, told: Told, known: Known, versions: Mapping[str, int]) -> None:
        heard = [
            Heard(
                word,
                standing_words.Standing(word.said, told.key or "", versions[word.question]),
                is_new=word.name not in known.learned,
            )
            for word in told.words
            if word.question in versions
        ]
        standing_words.keep(transaction, told.principal.tenant_id, heard, at=now())
        if versions and self._most:
            daily_bounds.count(transaction, told.principal, dict.fromkeys(versions, 1))

    def _keep_verdict(
        self, transaction: Transaction, told: Told, learned: Sequence[Learnable], lesson: LearningResult
    ) -> None:
        """For who withdraws the answer later, and why a verdict was not learned."""
        version = lesson.after.state.version
        if (turn_id := rewarded(told, learned)) is not None:
            keep_rewards(transaction, told.principal, [(turn_id, version)])
        if (void := void_of(told, version)) is not None:
            transaction.append(draft(void, subject_of(told.principal, turn_id=told.body.turn_id)))

    def _keep(
        self,
        transaction: Transaction,
        told: Told,
        learned: Sequence[Learnable],
        answer: FeedbackAnswer,
        *,
        reward: float | None,
        position: int,
    ) -> None:
        """Rows of what came in, the first answer to its key, and what it says of experiments."""
        at, tenant_id = now(), told.principal.tenant_id
        version = answer.version if learned else None
        row = row_of(told, reward=reward, version=version, reason=answer.reason, at=at)
        keep_feedback(transaction, position, [row])
        keep_answers(transaction, tenant_id, [(answer.feedback_id, brief(answer))], at=at)
        keep_usage(transaction, ledger(told.principal, taken_by([told]), told.body.conversation, at=at))
        if learned and (running := self._experiments.running(transaction, told.principal)):
            metrics = {row.metric for row in running}
            found = measure(told, learned, metrics, self._learners.hyperparameters)
            self._experiments.keep(transaction, told.principal, found)

    def _repeated(self, transaction: Transaction, principal: Principal, first: str) -> FeedbackAnswer:
        if first:
            return self._as_it_stands(transaction, principal, whole(first))
        standing = self._learners.current(transaction, principal)  # it came in a batch, which answers in sums
        weights = dict(standing.weights)
        return FeedbackAnswer(
            accepted=True,
            adaptation_applied=False,
            weights_before=weights,
            weights_after=weights,
            weight_deltas={},
            feedback_id="",
            status="duplicate",
            reason="duplicate",
            version=standing.state.version,
        )

    def _as_it_stands(self, transaction: Transaction, principal: Principal, first: FeedbackAnswer) -> FeedbackAnswer:
        """The first answer again; what it taught may have been taken back since."""
        version = first.version if first.adaptation_applied else None
        now_at = self._learners.current(transaction, principal).state.version
        if version is None or version > now_at or still_held(transaction, principal, now_at, [version]):
            return msgspec.structs.replace(first, status="duplicate")
        return msgspec.structs.replace(first, status="duplicate", adaptation_applied=False, reason=TAKEN_BACK)


def asked_of(told: Told) -> Prefetch:
    """What `take` looks up of what was there before."""
    names = tuple(word.name for word in told.spoken)
    return Prefetch(_stored, (told.principal.tenant_id, told.key or "", names))


def _stored(
    reads: Reads, keys: Sequence[tuple[str, str, tuple[str, ...]]]
) -> dict[tuple[str, str, tuple[str, ...]], Known]:
    answers = find_answers(reads, [(tenant_id, key) for tenant_id, key, _ in keys])
    by_tenant: dict[str, list[str]] = {}
    for tenant_id, _, names in keys:
        by_tenant.setdefault(tenant_id, []).extend(names)
    found = {
        tenant_id: standing_words.standing_words(reads, tenant_id, names) for tenant_id, names in by_tenant.items()
    }
    return {
        asked: Known(answers.get(asked[:2]), {name: known for name in asked[2] if (known := found[asked[0]].get(name))})
        for asked in keys
    }


def _first(transaction: Transaction, told: Told, known: Known, hearing: Hearing) -> str | None:
    """The first answer to what was told before: by its key, or by another that said the same; None where it is new."""
    has_own_key = told.body.idempotency_key is not None
    if known.first is not None and has_own_key:
        return known.first
    if not hearing.repeats(told.words):
        is_new = hearing.replaced or known.is_forgotten or (not hearing.unheard and _was_bound(known.first))
        return None if is_new else known.first
    tenant_id = told.principal.tenant_id
    said_first = known.standing[told.words[0].name].feedback_id
    first = find_first_answer(transaction, tenant_id, said_first) or ""
    if has_own_key:
        keep_answers(transaction, tenant_id, [(told.key or "", first)], at=now())
    return first


def _was_bound(first: str | None) -> bool:
    """Whether the day had no room for it then: it may be learned once there is."""
    return bool(first) and whole(first or "").reason == BOUND


def _renamed(told: Told, known: Known) -> Told:
    """A mind that is changed back says what was said once: the word that it replaces makes another key of it."""
    if known.first is None:
        return told
    said = known.learned if known.is_forgotten else known.standing
    replaced = (standing.feedback_id for standing in said.values() if standing.feedback_id)
    return told._replace(key=digest(told.principal, "again", *replaced, told.key or ""))


def _gated(transaction: Transaction, told: Told) -> Told:
    """The answer may have been withdrawn since the target was looked up."""
    turn_id = told.body.turn_id
    if told.void is None and turn_id is not None and is_withdrawn(transaction, told.principal, turn_id):
        return told._replace(void=Void(WITHDRAWN))
    return told


def _versions(learned: Sequence[Learnable], lesson: LearningResult, remembered: Sequence[Remembered]) -> dict[str, int]:
    """After which version each question of a feedback stands; a correction teaches no weight, and stands after all."""
    versions = {
        question_of(observation): explanation.after.version
        for observation, explanation in zip(learned, lesson.explanations, strict=True)
    }
    return versions | ({CORRECTION: lesson.after.state.version} if remembered else {})


def _answer(
    told: Told, before: CachedLearner, lesson: LearningResult, reason: str | None, remembered: Sequence[Remembered]
) -> FeedbackAnswer:
    applied = any(map(changes, lesson.explanations))
    weights_before, weights_after = dict(before.weights), dict(lesson.after.weights)
    return FeedbackAnswer(
        accepted=True,
        adaptation_applied=applied,
        weights_before=weights_before,
        weights_after=weights_after,
        weight_deltas=of_every_weight(moved(weights_before, weights_after), weights_after),
        feedback_id=told.key or "",
        reason=None if applied else reason or "nothing_to_compare",
        version=lesson.after.state.version,
        clipped=sorted({name for explanation in lesson.explanations for name in explanation.clipped}),
        voided=told.is_voided,
        memory_id=next((memory.id for memory in remembered), None),
    )


def brief(answer: FeedbackAnswer) -> str:
    """As it is kept for who asks again, without what can be worked out."""
    before, after = answer.weights_before, answer.weights_after
    changed = {name: weight for name, weight in after.items() if before.get(name) != weight}
    return msgspec.json.encode(msgspec.structs.replace(answer, weights_after=changed, weight_deltas={})).decode()


def whole(kept: str) -> FeedbackAnswer:
    """The inverse of `brief`, to the bit."""
    answer = msgspec.json.decode(kept, type=FeedbackAnswer)
    after = answer.weights_before | answer.weights_after
    deltas = difference(answer.weights_before, after)
    return msgspec.structs.replace(answer, weights_after=after, weight_deltas=deltas)
