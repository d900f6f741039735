"""The record of a turn: the fold of its facts. The loop asks it what is missing, the trace shows it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import assert_never

from soma.agent.llm.base import CUT_SHORT
from soma.events.facts.base import Fact
from soma.events.facts.turn import (
    BundleBuilt,
    DraftReplaced,
    IterationCompleted,
    IterationJudged,
    ModelResponded,
    RecalledMemory,
    ToolDecided,
    ToolFinished,
    ToolRequested,
    TurnComplete,
    TurnStarted,
)

TurnFact = (
    TurnStarted
    | BundleBuilt
    | ModelResponded
    | ToolRequested
    | ToolDecided
    | ToolFinished
    | IterationJudged
    | DraftReplaced
    | IterationCompleted
    | TurnComplete
)


class OutOfOrder(Exception):
    """A step needs a fact that an earlier step has not recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnHeader:
    """The header of a turn, known before its first fact: whose it is, its conversation and its message."""

    id: str
    tenant_id: str
    user_id: str
    roles: tuple[str, ...]
    conversation_id: str
    agent_id: str
    content: str
    created_at: str
    client_message_id: str | None = None

    @property
    def role(self) -> str:
        """The user's role in the tenant; where it is not known, the least role that can write."""
        return self.roles[0] if self.roles else "member"

    @property
    def question_id(self) -> str:
        return f"{self.id}.q"

    @property
    def answer_id(self) -> str:
        return f"{self.id}.a"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write to a turn, for one run of it: the next run has the next `epoch`."""

    turn_id: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An event of a turn that cannot be read, or does not fit its place: its content is not known."""

    number: int
    event_type: str
    reason: str

    def __str__(self) -> str:
        return f"event {self.number} ({self.event_type}) cannot be read: {self.reason}"


@dataclass(slots=True)
class ToolUse:
    """A tool call: requested by the model, decided by the policy, finished."""

    requested: ToolRequested
    decided: ToolDecided | None = None
    finished: ToolFinished | None = None


@dataclass(slots=True)
class IterationRecord:
    number: int
    bundle: BundleBuilt | None = None
    response: ModelResponded | None = None
    tools: dict[str, ToolUse] = field(default_factory=dict)
    judged: IterationJudged | None = None
    completed: IterationCompleted | None = None
    replaced: bool = False

    @property
    def is_answer(self) -> bool:
        """True if the model said something and asked for no tool."""
        return self.response is not None and not self.response.tool_calls and bool(self.response.text.strip())

    @property
    def is_cut(self) -> bool:
        """True if the provider broke the response off: its text is not whole, and none of its calls may be run."""
        return self.response is not None and self.response.finish_reason in CUT_SHORT

    @property
    def has_no_answer(self) -> bool:
        """True if the model says that it has no answer: its confidence is 0 and it cites nothing."""
        return self.is_answer and self.spoken.confidence == 0 and not self.spoken.cited

    @property
    def spoken(self) -> ModelResponded:
        """The model's response. Raises OutOfOrder before there is one."""
        if self.response is None:
            raise OutOfOrder(f"iteration {self.number} has no response yet")
        return self.response

    @property
    def tokens(self) -> int:
        return self.response.prompt_tokens + self.response.completion_tokens if self.response else 0


@dataclass(slots=True)
class TurnRecord:
    turn: TurnHeader
    lease: Lease | None = None  # under which facts are written; None where the record is only read
    started: TurnStarted | None = None
    iterations: dict[int, IterationRecord] = field(default_factory=dict)
    complete: TurnComplete | None = None
    restarted: int | None = None  # the iteration whose model may have been speaking when an earlier process died
    interrupted: frozenset[str] = frozenset()  # calls that may have run but whose outcome a crash has lost
    unreadable: list[Unreadable] = field(default_factory=list)  # where there are any, the turn cannot go on

    @property
    def was_asked(self) -> bool:
        """True if its question is in the conversation, where the first event of the turn puts it."""
        began = TurnStarted.event_type
        return self.started is not None or any(event.event_type == began for event in self.unreadable)

    @property
    def current(self) -> IterationRecord:
        """The iteration that goes on: the first that is not completed."""
        return self.iteration(len(self.completions))

    @property
    def exit_reason(self) -> str | None:
        return self.completions[-1].exit_reason if self.completions else None

    @property
    def completions(self) -> list[IterationCompleted]:
        done = (self.iterations[number].completed for number in sorted(self.iterations))
        return [fact for fact in done if fact]

    @property
    def responses(self) -> list[ModelResponded]:
        said = (self.iterations[number].response for number in sorted(self.iterations))
        return [fact for fact in said if fact]

    @property
    def lanes(self) -> dict[str, int]:
        return self._began.lanes

    @property
    def iterates(self) -> bool:
        """True if the turn began as a loop; False for a single shot, and where it never began."""
        return self.started is not None and bool(self.started.limits.get("iterates", True))

    @property
    def tool_k(self) -> int | None:
        """The number of tools that the model is offered; None where it is not recorded."""
        return self.started.tool_k if self.started else None

    @property
    def timezone(self) -> str:
        """The time zone of the times in a prompt; UTC where it is not recorded."""
        return (self.started.timezone if self.started else "") or "UTC"

    @property
    def tools(self) -> frozenset[str]:
        """Names of the turn's tools; a model may ask for others."""
        return frozenset(self._began.tools)

    @property
    def usefulness(self) -> dict[str, float]:
        return self._began.usefulness

    @property
    def calibration(self) -> list[list[float]]:
        """(stated, calibrated) points of the learner's curve, as the turn began."""
        return self._began.calibration

    @property
    def weights(self) -> dict[str, float]:
        """The newest weights of the turn: after its last iteration, else as it began."""
        began = self.started.weights if self.started else {}
        return self.completions[-1].weights_after if self.completions else began

    @property
    def neuromodulators(self) -> dict[str, float]:
        began = self.started.neuromodulators if self.started else {}
        return self.completions[-1].neuromodulators_after if self.completions else began

    @property
    def _began(self) -> TurnStarted:
        if self.started is None:
            raise OutOfOrder("the turn has not started")
        return self.started

    @property
    def corrects(self) -> bool:
        """True if the message corrects an earlier answer, and the brain keeps what it says is right."""
        return self.started is not None and any(one.get("memory_id") for one in self.started.credit)

    @property
    def best(self) -> IterationRecord | None:
        """The best answer so far: a whole one before one that was cut, then by score, then the earlier."""
        answers = [iteration for iteration in self.iterations.values() if iteration.is_answer]
        return max(answers, key=lambda one: (not one.is_cut, _score(one), -one.number), default=None)

    @property
    def tool_uses(self) -> list[ToolUse]:
        """All calls of the turn, oldest first."""
        return [use for number in sorted(self.iterations) for use in self.iterations[number].tools.values()]

    def has_evidence_for(self, number: int) -> bool:
        """Return whether iteration `number` has its memories already."""
        return number in self.iterations and self.iterations[number].bundle is not None

    def shown_by(self, number: int) -> list[RecalledMemory]:
        """Return the memories that iteration `number` was shown, in the order of the numbers that it cites."""
        return number_memories(self.iterations[earlier] for earlier in range(number + 1))

    def iteration(self, number: int) -> IterationRecord:
        return self.iterations.setdefault(number, IterationRecord(number))

    def apply(self, fact: TurnFact) -> None:  # noqa: C901 - one case a fact
        """Take in one fact, in the order of the log."""
        match fact:
            case TurnStarted():
                self.started = fact
            case BundleBuilt():
                self.iteration(fact.iteration_number).bundle = fact
            case DraftReplaced():
                pass  # for followers only: the text that it takes back was never a fact
            case ModelResponded():
                self.iteration(fact.iteration_number).response = fact
            case ToolRequested():
                self.iteration(fact.iteration_number).tools[fact.call_id] = ToolUse(fact)
            case ToolDecided():
                self.iteration(fact.iteration_number).tools[fact.call_id].decided = fact
            case ToolFinished():
                self.iteration(fact.iteration_number).tools[fact.call_id].finished = fact
            case IterationJudged():
                self.iteration(fact.iteration_number).judged = fact
            case IterationCompleted():
                self.iteration(fact.iteration_number).completed = fact
            case TurnComplete():
                self.complete = fact
            case _:
                assert_never(fact)


def number_memories(iterations: Iterable[IterationRecord]) -> list[RecalledMemory]:
    """Return the memories of a turn in the order of their numbers: each keeps its number, later ones follow."""
    shown = (memory for iteration in iterations if iteration.bundle for memory in iteration.bundle.memories)
    first: dict[str, RecalledMemory] = {}
    for memory in shown:
        first.setdefault(memory.id, memory)
    return list(first.values())


def fold(turn: TurnHeader, facts: Iterable[Fact | Unreadable | None], lease: Lease | None = None) -> TurnRecord:
    """Return the record of `turn` from its log; erased facts are skipped, unreadable ones are listed in it."""
    record = TurnRecord(turn, lease)
    for number, fact in enumerate(facts, 1):
        if isinstance(fact, Unreadable):
            record.unreadable.append(fact)
        elif isinstance(fact, TurnFact):
            if (why := _fault_of_place(record, fact)) is not None:
                record.unreadable.append(Unreadable(number, fact.event_type, why))
            else:
                record.apply(fact)
    iteration = record.iterations.get(len(record.completions))
    if iteration is not None and iteration.response is None:
        record.restarted = iteration.number
    if iteration is not None and iteration.response is not None:
        record.interrupted = _find_interrupted(iteration)
    return record


def _fault_of_place(record: TurnRecord, fact: TurnFact) -> str | None:
    """Return why a fact does not fit its place in the log; None where it fits."""
    match fact:
        case TurnStarted() | TurnComplete():
            return None
        case ToolDecided() | ToolFinished():
            iteration = record.iterations.get(fact.iteration_number)
            is_known = iteration is not None and fact.call_id in iteration.tools
            return None if is_known else "no such call was asked for"
        case IterationCompleted():
            current = record.iterations.get(len(record.completions))
            is_next = current is not None and current.number == fact.iteration_number and current.response is not None
            return None if is_next else "it is not the iteration that goes on"
        case _:
            return None if 0 <= fact.iteration_number <= len(record.iterations) else "no such iteration has begun"


def _find_interrupted(iteration: IterationRecord) -> frozenset[str]:
    """Return allowed calls without a result, which may have run; none runs before all of its iteration are decided."""
    uses = iteration.tools.values()
    if len(uses) < len(iteration.spoken.tool_calls) or not all(use.decided or use.finished for use in uses):
        return frozenset()
    return frozenset(
        use.requested.call_id for use in uses if use.decided and use.decided.allow and use.finished is None
    )


def _score(iteration: IterationRecord) -> float:
    score = iteration.judged.convergence_score if iteration.judged else None
    return -1.0 if score is None else score
