"""The policy port: facts of an action go in, a verdict with the rule that decided comes out.

`decide` never raises for a reason of its own: a policy that is broken or late denies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class CapsuleFacts:
    """Facts of a capsule. `tools` are the names that it enables: no other tool is ever allowed."""

    id: str
    version: int = 1
    tools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFacts:
    """Facts of a tool. `egress`: its arguments leave the system."""

    name: str
    category: str
    egress: bool = False
    idempotent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInput:
    """Facts of an action that the policy decides on.

    `taint` names the arguments that carry text of a memory, a document or a tool result (`tools/taint.py`),
    `confirmed` the memories that the user has just agreed to have erased.
    """

    action: str
    tenant: str
    user: str
    roles: tuple[str, ...]
    capsule: CapsuleFacts
    tool: ToolFacts | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    taint: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()
    iteration: int = 0
    constitution_hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    allow: bool
    rule: str
    reason: str
    policy_version: str


class Policy(Protocol):
    @property
    def version(self) -> str:
        """SHA-256 over the rules and their data."""
        ...

    async def decide(self, facts: PolicyInput) -> Verdict: ...
