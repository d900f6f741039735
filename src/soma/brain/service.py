"""The brain's verbs: load, ask the core, save state and event in one transaction, publish what was committed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import accumulate
from typing import Any, NamedTuple, TypeVar

from soma.brain.context.bundle import Context, Lane, build_context, rank_candidates, recall_best
from soma.brain.context.bundles import Bundle, find_bundles, keep_bundle
from soma.brain.context.corrections import AS_RANKED, Order, find_nearest, list_corrections, order_of, question_of
from soma.brain.context.plan import SHIPPED
from soma.brain.context.preview import Previews
from soma.brain.context.residual import Residuals, superpose
from soma.brain.context.residual import novelty as residual_novelty
from soma.brain.context.working_memory import Item, Key, WorkingMemory, novelty
from soma.brain.core.explanation import Explanation
from soma.brain.core.serving.serve import serve
from soma.brain.core.state import LearnerState
from soma.brain.document_types import ForgottenDocuments
from soma.brain.errors import BrainRefused
from soma.brain.experiments import rows
from soma.brain.experiments.experiments import Assignments, Changes, Experiments
from soma.brain.experiments.service import ExperimentService
from soma.brain.feedback.batch import BatchRequest
from soma.brain.feedback.batch_commit import BatchIntake
from soma.brain.feedback.credit_intake import CreditIntake
from soma.brain.feedback.iterations import IterationIntake, IterationReport
from soma.brain.feedback.meaning import digest_of
from soma.brain.feedback.memory_values import Committed, Values, kept_after
from soma.brain.feedback.rows import find_first_outcome, list_feedback
from soma.brain.feedback.single import FeedbackIntake
from soma.brain.feedback.withdrawal import WithdrawalIntake
from soma.brain.feedback.workers import Workers
from soma.brain.learners.chain import stream_of
from soma.brain.learners.history import Histories
from soma.brain.learners.learners import Learners
from soma.brain.learners.presentation import describe_learner, levels, weights_of
from soma.brain.metrics import BrainMetrics
from soma.brain.owner import owner_of
from soma.brain.settings import BrainSettings
from soma.brain.tokens import TokenCounter
from soma.brain.types import (
    BatchAnswer,
    ContextBundle,
    FeedbackAnswer,
    FeedbackRow,
    Forgotten,
    IterationAnswer,
    LearnerHistory,
    LearnerView,
    Principal,
    RolledBack,
    UsageRow,
    Withdrawn,
)
from soma.brain.usage import sum_usage
from soma.brain.wire.document_requests import ForgetDocuments
from soma.brain.wire.requests import Credit, Evaluate, Feedback, Forget, Recall, Rollback, TurnMetrics, Withdraw
from soma.events.database import Reader
from soma.events.facts.codec import Subject
from soma.events.facts.turn import RecalledMemory
from soma.events.ids import new_id, now
from soma.events.transaction import Transaction
from soma.events.writer import Writer
from soma.memory.memory import Memory
from soma.memory.types import HALF_LIFE_DAYS, Candidates, ErasureReceipt, Query
from soma.process.disk_room import check_room
from soma.process.threads import run_in_thread

T = TypeVar("T")
THREADS = 2
LISTED_CHARACTERS = 200_000  # of what was erased, in an answer


class StartCost(NamedTuple):
    """Cost of the start: learners whose state was read and replayed, and the seconds it took."""

    learners: int
    seconds: float


class Brain:
    """The verbs of one brain; `root.py` builds what it holds, and closes it."""

    def __init__(
        self,
        *,
        settings: BrainSettings,
        writer: Writer,
        memory: Memory,
        learners: Learners,
        experiments: Experiments,
        working_memory: WorkingMemory,
        residuals: Residuals,
        tokens: TokenCounter,
        metrics: BrainMetrics,
        workers: Workers,
        restored: StartCost,
    ) -> None:
        self.settings = settings
        self.memory = memory
        self.metrics = metrics
        self.restored = restored
        self._writer = writer
        self._database = writer.database
        self._learners = learners
        self._working_memory = working_memory
        self._residuals = residuals
        self._tokens = tokens
        self._values = Values(memory, learners)
        most = settings.lessons_per_day
        self._outcomes = IterationIntake(learners, most=most)
        self._withdrawals = WithdrawalIntake(writer, learners, self._values)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="brain")
        self._experiments = experiments
        self.experiments = ExperimentService(writer, experiments, self._threads)
        self.previews = Previews(settings, memory, learners, tokens, self._threads)
        self._histories = Histories(writer.database, learners)
        self._feedback = FeedbackIntake(
            writer, memory, learners, self._values, experiments=experiments, threads=self._threads, most=most
        )
        self._credits = CreditIntake(writer.database, memory, learners, self._feedback, threads=self._threads)
        self._batches = BatchIntake(
            writer, learners, self._values, experiments, workers, waiting=settings.waiting_batches, most=most
        )

    def close(self) -> None:
        self._threads.shutdown()

    def count_tokens(self, text: str) -> int:
        return self._tokens.count(text)

    # Context

    async def evaluate(self, principal: Principal, body: Evaluate) -> ContextBundle:
        """Recall, rank by the served weights, pack into the lane; what is shown is kept for feedback."""
        with self.metrics.recall_seconds.time():
            state, arms, changes = await self._work(self._seen, principal, body.conversation)
            candidates, order = await self._candidates(principal, state.version, _query(body))
            served = serve(state, self._learners.hyperparameters)
            key = _scratchpad_key(principal, body.conversation)
            heard_before, held = await self._residuals.of(key), await self._working_memory.items(key)

            def think() -> tuple[Context, float, list[float]]:
                context = build_context(
                    body.query,
                    candidates,
                    served,
                    self._tokens,
                    lane=self._lane(body),
                    hyperparameters=self._learners.hyperparameters,
                    options=body.options or SHIPPED,
                    order=order,
                )
                novel = novelty_of(held, heard_before, candidates.query_embedding)
                return context, novel, superpose(heard_before, context.vectors).tolist()

            context, novel, residual = await self._work(think)
            await self._residuals.keep(key, residual)
        bundle = Bundle(
            bundle_id=new_id(),
            tenant_id=principal.tenant_id,
            user_id=principal.user_id,
            agent_id=principal.agent_id,
            conversation_id=body.conversation,
            learner_version=state.version,
            query=body.query,
            views=context.views,
            shown=context.shown,
            diversity=context.packed.diversity,
            gain=context.gain,
            embedding=list(candidates.query_embedding),
            novelty=novel,
            changes=changes,
            bearings=context.bearings,
            nearness=context.nearness,
        )
        await self._writer.write(lambda transaction: self._keep_bundle(transaction, bundle, arms))
        self.memory.count_shown(principal.tenant_id, (memory_id for memory_id, _ in bundle.shown))
        return ContextBundle(
            bundle_id=bundle.bundle_id,
            memories=context.memories,
            weights=weights_of(served, state),
            neuromodulators=levels(state),
            version=state.version,
            token_count=context.packed.tokens,
            dropped=len(context.packed.too_long) + context.irrelevant,
            statistics_version=candidates.statistics_version,
            trace_id=bundle.bundle_id,
            audit_id=bundle.bundle_id,
            tokenizer=self._tokens.name,
            working_memory=[{"text": item.text, "salience": item.salience, "at": item.at} for item in held],
            residual=residual,
            plan=context.plan,
            trust=served.trust,
            floors={} if context.floors is None else context.floors._asdict(),
            nearness=context.nearness,
            degraded=self._working_memory.degraded,
        )

    async def recall(self, principal: Principal, body: Recall) -> tuple[Sequence[RecalledMemory], Mapping[str, float]]:
        """Recall the best by the served weights, of equal texts one; nothing is kept of it."""
        with self.metrics.recall_seconds.time():
            state = await self._work(self._learners.read_committed, principal)
            candidates, order = await self._candidates(principal, state.version, _query(body))
            served = serve(state, self._learners.hyperparameters)
            best = await self._work(lambda: recall_best(rank_candidates(candidates, served, order), body.top_k))
        return best, weights_of(served, state)

    async def _candidates(self, principal: Principal, version: int, query: Query) -> tuple[Candidates, Order]:
        """Find what may answer, with what the caller taught of this question among it, and the order of that."""
        candidates = await self.memory.candidates(owner_of(principal), query)
        known = await self._work(list_corrections, self._database, principal, version)
        question = question_of(query.text, candidates.query_embedding)
        corrected = await self._work(find_nearest, question, known)
        if corrected is None:
            return candidates, AS_RANKED
        wider = candidates
        if not set(corrected.helpful) <= set(candidates.ids):
            wider = await self.memory.candidates(owner_of(principal), replace(query, also=corrected.helpful))
        order = await self._work(order_of, question, corrected, wider)
        return (candidates if order is AS_RANKED else wider), order

    async def forget(self, principal: Principal, body: Forget) -> Forgotten:
        """Forget memories, what was made of them, and what conversations have in mind: it may be of them."""
        receipt = await self.memory.forget(
            owner_of(principal), ids=body.ids, keys=body.keys, namespace=body.namespace, dry_run=body.dry_run
        )
        return _describe_receipt(receipt) if body.dry_run else await self._clear_scratchpads(principal, receipt)

    async def forget_documents(self, principal: Principal, body: ForgetDocuments) -> ForgottenDocuments:
        gone = await self.memory.forget_documents(
            owner_of(principal), body.ids, namespace=body.namespace, dry_run=body.dry_run
        )
        if gone.receipt is None:
            return ForgottenDocuments(documents=gone.documents, chunks=gone.chunks)
        erased = (
            _describe_receipt(gone.receipt) if body.dry_run else await self._clear_scratchpads(principal, gone.receipt)
        )
        receipt_id = erased.receipt_id or None
        return ForgottenDocuments(documents=gone.documents, chunks=gone.chunks, receipt_id=receipt_id, erased=erased)

    async def _clear_scratchpads(self, principal: Principal, receipt: ErasureReceipt) -> Forgotten:
        """Clear what conversations have in mind once memories are erased."""
        whose = None if receipt.is_shared else principal.user_id
        await self._working_memory.clear(principal.tenant_id, whose)
        await self._residuals.clear(principal.tenant_id, whose)
        return _describe_receipt(receipt)

    # Learning

    async def state(self, principal: Principal) -> LearnerView:
        return describe_learner(
            await self._work(self._learners.read_committed, principal), self._learners.hyperparameters
        )

    async def publish_turn_metrics(self, principal: Principal, body: TurnMetrics) -> IterationAnswer:
        with self.metrics.learning_seconds.time():
            bundle = await self._work(_find_bundle, self._database, principal, body) if body.bundle_id else None
            key = _scratchpad_key(principal, bundle.conversation_id) if bundle else None
            seen = 1.0
            if key and bundle:  # what was held since the bundle was made counts as well
                seen = min(bundle.novelty, novelty(await self._working_memory.items(key), bundle.embedding))
            report = IterationReport(body=body, novelty=seen, bundle=bundle)
            taken, outcome = await self._writer.write(
                lambda transaction: self._outcomes.take(transaction, principal, report)
            )
        if outcome:
            await self._admit(key, bundle, outcome)
        return await self._publish(principal, taken)

    async def feedback(self, principal: Principal, body: Feedback) -> FeedbackAnswer:
        with self.metrics.feedback_seconds.time():
            answer = await self._publish(principal, await self._feedback.take(principal, body))
        result = answer.status if answer.status == "duplicate" else "applied" if answer.adaptation_applied else "kept"
        self.metrics.feedback(principal, result)
        return answer

    async def credit(self, principal: Principal, body: Credit) -> FeedbackAnswer:
        """Learn from what happened to an answer, though nobody judged it; it counts as no feedback."""
        return await self._publish(principal, await self._credits.take(principal, body))

    async def feedback_batch(self, principal: Principal, items: bytes, *, idempotency_key: str | None) -> BatchAnswer:
        """Learn a JSON array of feedbacks; each that is refused is answered with its index and error."""
        key = digest_of(principal, "batch", idempotency_key) if idempotency_key else None
        running = await self._work(self._experiments.find_running, self._database, principal)
        metrics = frozenset(row.metric for row in running)
        batch = BatchRequest(principal, items, key, metrics, most=self.settings.lessons_per_day)
        answer = await self._publish(principal, await self._batches.take(batch))
        is_new = answer.status != "duplicate"
        self.metrics.feedback(principal, "applied", answer.adapted * is_new)
        self.metrics.feedback(principal, "kept", (answer.accepted - answer.adapted) * is_new)
        self.metrics.feedback(principal, "duplicate", answer.duplicates + answer.accepted * (not is_new))
        self.metrics.feedback(principal, "rejected", len(answer.rejected))
        return answer

    async def withdraw(self, principal: Principal, body: Withdraw) -> Withdrawn:
        """Withdraw the answer of a turn: what was learned from verdicts on it is left out."""
        return await self._publish(principal, await self._withdrawals.withdraw(principal, body.turn_id))

    async def roll_back(self, principal: Principal, body: Rollback) -> RolledBack:
        """Take the learner back to where an iteration left it, or to a version."""
        if (body.turn_id is None) == (body.version is None):
            raise BrainRefused("invalid_body", "Name a turn with its iteration, or a version.", "version")
        if body.turn_id is not None and body.iteration_number is None:
            raise BrainRefused("invalid_body", "Name the iteration of the turn.", "iteration_number")
        if body.version is not None and body.iteration_number is not None:
            raise BrainRefused("invalid_body", "A version has no iterations: name it alone.", "iteration_number")
        return await self._publish(
            principal, await self._writer.write(lambda transaction: self._roll_back(transaction, principal, body))
        )

    def _roll_back(self, transaction: Transaction, principal: Principal, body: Rollback) -> Committed[RolledBack]:
        version = body.version if body.version is not None else _find_version_after(transaction, principal, body)
        subject = Subject(
            tenant_id=principal.tenant_id,
            stream=stream_of(principal),
            user_id=principal.user_id,
            agent_id=principal.agent_id,
            turn_id=body.turn_id,
        )
        learned = self._learners.roll_back(transaction, principal, subject, version)
        written = self._values.restore_standing(transaction, principal, learned)
        first = kept_after(transaction, principal)
        answer = RolledBack(
            version=learned.after.state.version,
            restored_version=version,
            weights_before=dict(learned.before.weights),
            weights_after=dict(learned.after.weights),
            state_hash=learned.after.state.state_hash(),
            values_restored=len(written),
            values_from=first if first > version else None,
        )
        return Committed(answer, learned.after.state, written)

    async def history(self, principal: Principal, *, after: int | None, limit: int) -> LearnerHistory:
        """Explain each change of the weights after a version, oldest first."""
        return await self._work(self._histories.read_stretch, principal, after=after, limit=limit)

    async def list_feedback(self, principal: Principal, conversation_id: str, *, limit: int) -> list[FeedbackRow]:
        return await self._work(list_feedback, self._database, principal, conversation_id, limit=limit)

    async def usage(self, principal: Principal, *, start: str, end: str) -> list[UsageRow]:
        return await self._work(sum_usage, self._database, principal.tenant_id, start=start, end=end)

    async def ready(self) -> dict[str, str]:
        """Return what is away, by name; empty where all is well."""
        try:
            await self._work(check_room, self.settings.data_dir)
        except OSError as error:
            return {"disk": f"no room to write: {error.strerror}"}
        try:
            async with asyncio.timeout(self.settings.ready_seconds):
                await self._writer.write(
                    lambda transaction: transaction.query("SELECT 1 FROM learner_snapshots LIMIT 1")
                )
                await self._work(self._database.query, "SELECT 1 FROM events LIMIT 1")
        except TimeoutError:
            return {"database": f"no commit within {self.settings.ready_seconds:g} s"}
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what keeps the brain from working
            return {"database": f"{type(error).__name__}: {error}"}
        return {}

    async def find_degraded(self) -> str | None:
        """Return what is away that the brain does without; None where nothing is."""
        await self._working_memory.items(("", "", "", ""))  # asks, so that the answer is of now
        return self._working_memory.degraded

    # What the verbs share

    async def _work(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run off the event loop: reads of the database, ranking, packing."""
        return await run_in_thread(self._threads, function, *args, **kwargs)

    def _seen(self, principal: Principal, conversation_id: str) -> tuple[LearnerState, Assignments, Changes]:
        """Return the learner as this conversation has it: with the steps of the arms that it is in."""
        arms, changes = self._experiments.find_arms(self._database, principal, conversation_id)
        return self._experiments.apply_changes(self._learners.read_committed(principal), changes), arms, changes

    def _keep_bundle(self, transaction: Transaction, bundle: Bundle, arms: Assignments) -> None:
        keep_bundle(transaction, bundle, days=self.settings.bundle_days)
        rows.keep_assignments(transaction, arms)

    def _lane(self, body: Evaluate) -> Lane:
        return Lane(
            limit=body.top_k or self.settings.top_k,
            token_budget=self.settings.token_budget if body.token_budget is None else body.token_budget,
            attention_mass=self.settings.attention_mass,
        )

    async def _admit(self, key: Key | None, bundle: Bundle | None, outcome: Explanation) -> None:
        if key and bundle and outcome.gates.admit:
            item = Item(text=bundle.query, embedding=bundle.embedding, salience=outcome.salience, at=now())
            await self._working_memory.admit(key, item)
            self.metrics.working_memory.set(self._working_memory.count())

    async def _publish(self, principal: Principal, taken: Committed[T]) -> T:
        """Show recall the committed values, and the metrics the weights."""
        await self._values.show(principal, taken.values)
        if taken.state:
            self.metrics.learner(principal, taken.state, self._learners.hyperparameters)
        return taken.answer


def novelty_of(held: Sequence[Item], residual: Sequence[float], embedding: Sequence[float]) -> float:
    """Novelty of a question against what is held of the conversation and what it was lately shown."""
    return min(novelty(held, embedding), residual_novelty(residual, embedding))


def _find_bundle(reads: Reader, principal: Principal, body: TurnMetrics) -> Bundle | None:
    return find_bundles(reads, principal, [body.bundle_id or ""]).get(body.bundle_id or "")


def _query(body: Evaluate | Recall) -> Query:
    return Query(
        text=body.query,
        namespace=body.namespace,
        conversation_id=body.conversation_id or body.session_id,
        at=body.at,
        half_life_days=body.half_life_days or HALF_LIFE_DAYS,
        with_questions=isinstance(body, Recall) and body.with_questions,
    )


def _scratchpad_key(principal: Principal, conversation_id: str) -> Key:
    return principal.tenant_id, principal.user_id, principal.agent_id, conversation_id


def _find_version_after(transaction: Transaction, principal: Principal, body: Rollback) -> int:
    first = find_first_outcome(transaction, principal, body.turn_id or "", body.iteration_number or 0)
    if first is None or first.agent_id != principal.agent_id:
        raise BrainRefused(
            "unknown_turn",
            "Nothing was learned from such an iteration, or it was erased after its time.",
            "turn_id",
            404,
        )
    return first.learner_version


def _describe_receipt(receipt: ErasureReceipt) -> Forgotten:
    """Describe an erasure, with as many of the texts as help whoever must find them elsewhere."""
    sizes = accumulate(map(len, receipt.texts))
    return Forgotten(
        receipt_id=receipt.receipt_id,
        forgotten=list(receipt.forgotten),
        is_shared=receipt.is_shared,
        texts=[text for text, size in zip(receipt.texts, sizes, strict=True) if size <= LISTED_CHARACTERS],
    )
