"""The tools of one turn: schema, then policy, then breaker, slot and time-out, then the tool itself.

The loop records a fact between the steps, so each step is a method of its own. A denied call never runs.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jsonschema
import referencing
from jsonschema.protocols import Validator
from referencing.exceptions import Unresolvable

from soma.agent.llm.base import ToolCall, ToolSpec
from soma.agent.llm.offline.tool_choice import relevance
from soma.agent.policy.base import CapsuleFacts, Policy, PolicyInput, ToolFacts, Verdict
from soma.agent.tools.base import Tool, ToolContext, ToolFailed, ToolResult, ToolUnavailable
from soma.agent.tools.breaker import Breakers
from soma.agent.tools.taint import Taint
from soma.agent.tools.untrusted import clean

log = logging.getLogger(__name__)

MAX_CONTENT = 16_000
AT_ONCE = 4
UNTAINTED = Taint()

Status = Literal["ok", "failed", "invalid", "denied", "timeout", "breaker_open", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """The roles and the capsule that a turn acts for, from the verified token."""

    roles: tuple[str, ...]
    capsule: CapsuleFacts
    constitution_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutcome:
    """The outcome of a call. `content` is what the model sees: bounded, cleaned, and always data."""

    content: str
    is_error: bool
    status: Status
    sources: tuple[str, ...] = ()
    proposed: tuple[tuple[str, ...], ...] = ()
    duration_ms: float = 0.0
    untrusted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolLimits:
    """Limits of a turn's tools. `timeouts` are the capsule's own, by tool; other tools keep theirs."""

    at_once: int = AT_ONCE
    max_content: int = MAX_CONTENT
    timeouts: Mapping[str, float] = field(default_factory=dict)


class Toolset:
    """The tools of one turn, loaded once (TOOL-002). `breakers` live as long as the process."""

    def __init__(
        self,
        tools: Sequence[Tool],
        *,
        policy: Policy,
        authority: Authority,
        breakers: Breakers,
        limits: ToolLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._policy = policy
        self._authority = authority
        self._breakers = breakers
        self._limits = limits or ToolLimits()
        self._slots = asyncio.Semaphore(self._limits.at_once)
        self._clock = clock
        self._validators: dict[str, Validator] = {}
        self._checked: dict[str, tuple[ToolCall, str | None]] = {}  # by call_id, with the fault of the call

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._tools)

    @property
    def computing(self) -> frozenset[str]:
        """The names of the tools whose results depend only on their arguments and the clock."""
        return frozenset(tool.name for tool in self._tools.values() if tool.category == "compute")

    def is_idempotent(self, name: str) -> bool:
        tool = self._tools.get(name)
        return tool is not None and tool.idempotent

    def specs(self, k: int, message: str, *, first: str | None = None) -> tuple[ToolSpec, ...]:
        """Return the `k` tools that suit the message best, and `first` in any case, in the capsule's order.

        The order is fixed because specs open the request: another order would break the provider's cache of its
        beginning.
        """
        specs = [
            ToolSpec(name=tool.name, description=tool.description, parameters=tool.parameters)
            for tool in self._tools.values()
        ]
        ranked = sorted(specs, key=lambda spec: (spec.name != first, -relevance(message, spec)))
        chosen = {spec.name for spec in ranked[:k]}
        return tuple(spec for spec in specs if spec.name in chosen)

    def check(self, call: ToolCall) -> str | None:
        """Return the fault in a call for the model to mend, or None. Each call is held against its schema once."""
        known = self._checked.get(call.call_id)
        if known is None or known[0] != call:
            known = self._checked[call.call_id] = (call, self._find_fault(call))
        return known[1]

    def _find_fault(self, call: ToolCall) -> str | None:
        tool = self._tools.get(call.name)
        if tool is None:
            return f"unknown tool; available: {', '.join(self._tools) or 'none'}"
        if call.arguments is None:
            return f"the arguments are not a JSON object: {clean(call.raw, 200)!r}"
        try:
            error = jsonschema.exceptions.best_match(self._validator(tool).iter_errors(call.arguments))
        except (jsonschema.SchemaError, Unresolvable) as broken:
            return f"the tool's schema is invalid: {clean(str(broken), 200)}"
        if error is None:
            return None
        place = ".".join(str(part) for part in error.absolute_path) or "arguments"
        return f"{place}: {clean(error.message, 300)}"

    async def decide(self, call: ToolCall, context: ToolContext, taint: Taint = UNTAINTED) -> Verdict:
        """Return the policy's verdict on a call whose arguments carry `taint`."""
        if (problem := self.check(call)) is not None:
            version = self._policy.version
            return Verdict(allow=False, rule="malformed_call", reason=problem, policy_version=version)
        tool = self._tools[call.name]
        return await self._policy.decide(
            PolicyInput(
                action="tool:execute",
                tenant=context.tenant_id,
                user=context.user_id,
                roles=self._authority.roles,
                capsule=self._authority.capsule,
                tool=_facts(tool),
                arguments=call.arguments or {},
                taint=taint.arguments,
                confirmed=context.confirmed,
                iteration=context.iteration_number,
                constitution_hash=self._authority.constitution_hash,
            )
        )

    async def run(self, call: ToolCall, context: ToolContext, verdict: Verdict) -> ToolOutcome:
        """Run a call under a verdict, which must be an allowance of the policy in force."""
        if not verdict.allow:
            return self._refuse("denied", f"denied by policy ({verdict.rule}): {verdict.reason}")
        if verdict.policy_version != self._policy.version:
            return self._refuse("denied", "denied: the policy has changed since its decision")
        if (problem := self.check(call)) is not None:
            return self._refuse("invalid", problem)
        async with self._slots:
            if not self._breakers.try_begin(context.tenant_id, call.name, self._clock()):
                return self._refuse("breaker_open", "it failed too often; try again later")
            return await self._run_timed(self._tools[call.name], call, context)

    async def _run_timed(self, tool: Tool, call: ToolCall, context: ToolContext) -> ToolOutcome:
        began = self._clock()
        status, result = await self._attempt(tool, call.arguments or {}, context)
        return ToolOutcome(
            content=clean(result.content, self._limits.max_content),
            is_error=result.is_error,
            status=status,
            sources=result.sources,
            proposed=result.proposed,
            duration_ms=(self._clock() - began) * 1000,
        )

    async def _attempt(self, tool: Tool, arguments: dict[str, Any], context: ToolContext) -> tuple[Status, ToolResult]:
        limit = self._limits.timeouts.get(tool.name, tool.timeout_seconds)
        try:
            result = await _within(limit, tool, arguments, context)
        except _TooSlow:
            self._count_failure(tool, context)
            return "timeout", _error(f"no result within {limit:g} s")
        except ToolUnavailable as error:
            self._count_failure(tool, context)
            return "failed", _error(str(error))
        except ToolFailed as error:
            self._breakers.record_success(context.tenant_id, tool.name)
            return "invalid", _error(str(error))
        except Exception as error:
            log.exception("tool %s broke in turn %s", tool.name, context.turn_id)
            self._count_failure(tool, context)
            return "failed", _error(f"internal error ({type(error).__name__})")
        self._breakers.record_success(context.tenant_id, tool.name)
        return ("failed" if result.is_error else "ok"), result

    def _count_failure(self, tool: Tool, context: ToolContext) -> None:
        self._breakers.record_failure(context.tenant_id, tool.name, self._clock())

    def _validator(self, tool: Tool) -> Validator:
        """Build the validator once, with an empty registry, so that a schema cannot make us fetch its references."""
        if tool.name not in self._validators:
            kind = jsonschema.validators.validator_for(tool.parameters, jsonschema.Draft202012Validator)
            kind.check_schema(tool.parameters)
            self._validators[tool.name] = kind(tool.parameters, registry=referencing.Registry())
        return self._validators[tool.name]

    def _refuse(self, status: Status, why: str) -> ToolOutcome:
        return ToolOutcome(content=clean(why, self._limits.max_content), is_error=True, status=status)


class _TooSlow(Exception):
    """The tool took too long. Not TimeoutError: a tool may raise that for reasons of its own."""


async def _within(limit: float, tool: Tool, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
    """Run a tool within a time limit. One that ignores its cancellation is left behind, not waited for."""
    task = asyncio.ensure_future(tool.run(arguments, context))
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        done, _ = await asyncio.wait({task}, timeout=limit)
    finally:
        task.cancel()
    if not done:
        raise _TooSlow
    return task.result()


def _facts(tool: Tool) -> ToolFacts:
    return ToolFacts(name=tool.name, category=tool.category, egress=tool.egress, idempotent=tool.idempotent)


def _error(message: str) -> ToolResult:
    return ToolResult(content=message, is_error=True)
