"""Takes reports of what happened to an answer: looks up what was shown, decides, and learns it as feedback."""

from concurrent.futures import Executor

from soma.brain.context.bundles import Bundle, find_bundles
from soma.brain.core.observations import EvidenceSource
from soma.brain.core.rules.evidence import credit_of
from soma.brain.core.rules.trust import NO_RECORD
from soma.brain.errors import BrainRefused
from soma.brain.feedback.credit import Happening, Wordings, drop_shared_names, feedback_of, shown_ids
from soma.brain.feedback.memory_values import Committed
from soma.brain.feedback.single import FeedbackIntake
from soma.brain.learners.learners import Learners
from soma.brain.owner import owner_of
from soma.brain.types import FeedbackAnswer, Principal
from soma.brain.wire.requests import Credit
from soma.events.database import Database
from soma.memory.memory import Memory
from soma.process.threads import run_in_thread

SWITCHED_OFF, UNKNOWN_BUNDLE = "switched_off", "unknown_bundle"
NEEDED = {"asked_again": "again", "corrected_in_chat": "correction", "used_by_tool": "words", "copied": "words"}


class CreditIntake:
    """Decides what a happening teaches; a source whose credit is 0 teaches nothing, and leaves no trace."""

    def __init__(
        self, database: Database, memory: Memory, learners: Learners, feedback: FeedbackIntake, *, threads: Executor
    ) -> None:
        self._database = database
        self._memory = memory
        self._learners = learners
        self._feedback = feedback
        self._threads = threads

    async def take(self, principal: Principal, body: Credit) -> Committed[FeedbackAnswer]:
        """Learn what happened. The answer's `reason` says why nothing was learned, where nothing was."""
        body.require_conversation()
        needed = NEEDED[body.source]
        if getattr(body, needed) is None:
            raise BrainRefused("invalid_body", f"`{needed}` is required for `{body.source}`", needed)
        credit = credit_of(EvidenceSource(body.source), NO_RECORD, self._learners.hyperparameters)
        if not credit:
            return self._skip(principal, SWITCHED_OFF)
        ids = [body.bundle_id, *([body.again.bundle_id] if body.again else [])]
        bundles = await run_in_thread(self._threads, find_bundles, self._database, principal, ids)
        bundle = bundles.get(body.bundle_id)
        if bundle is None:
            return self._skip(principal, UNKNOWN_BUNDLE)
        shown = shown_ids(bundle)
        known = await self._memory.get(owner_of(principal), ids=shown, gone=shown) if body.again is None else ()
        again = bundles.get(body.again.bundle_id) if body.again else None
        texts = {memory.id: memory.text for memory in known}
        wordings = await self._read_wordings(principal, bundle, again) if again else None
        happening = Happening(body, bundle, again, texts, wordings)
        decided = await run_in_thread(self._threads, feedback_of, happening, credit=credit)
        if isinstance(decided, str):
            return self._skip(principal, decided)
        return await self._feedback.take(principal, decided)

    async def _read_wordings(self, principal: Principal, first: Bundle, second: Bundle) -> Wordings | None:
        """Return the vectors of two questions without the names that they share; None where they share none."""
        without = drop_shared_names(first.query, second.query)
        if without is None:
            return None
        one, other = [await self._memory.embed_question(owner_of(principal), text) for text in without]
        return one, other

    def _skip(self, principal: Principal, reason: str) -> Committed[FeedbackAnswer]:
        version = self._learners.read_committed(principal).version
        return Committed(FeedbackAnswer.skip(reason, version=version))
