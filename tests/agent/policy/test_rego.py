"""Deny by default, fail closed, and name the rule."""

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from soma.agent.policy import CapsuleFacts, PolicyInput, ToolFacts
from soma.agent.policy.rego import MAX_ABANDONED, RegoPolicy, policy_version

SLOW = """package soma
verdict := {"allow": true, "rule": "slow", "reason": ""} if {
  few := numbers.range(1, 50)
  n := count([1 | some i in few; some j in few; some k in few; i * j * k > 3])
  n > 1
}"""

CALL = PolicyInput(
    action="tool:execute",
    tenant="t1",
    user="u1",
    roles=("member",),
    capsule=CapsuleFacts(id="c1", tools=("calculator", "remember", "fetch")),
    tool=ToolFacts(name="calculator", category="compute"),
)


@pytest.fixture
def policy() -> Iterator[RegoPolicy]:
    rego = RegoPolicy.default(timeout_seconds=2)
    yield rego
    rego.close()


@pytest.mark.parametrize("role", ["member", "owner"])
async def test_members_and_owners_use_the_tools_of_the_capsule(policy: RegoPolicy, role: str) -> None:
    verdict = await policy.decide(replace(CALL, roles=(role,)))
    assert (verdict.allow, verdict.rule) == (True, "member_tool")
    assert verdict.policy_version == policy.version


async def test_a_tool_outside_the_capsule_is_denied(policy: RegoPolicy) -> None:
    verdict = await policy.decide(replace(CALL, tool=ToolFacts(name="shell", category="compute")))
    assert (verdict.allow, verdict.rule) == (False, "tool_not_in_capsule")
    assert "shell" in verdict.reason


async def test_viewers_only_read(policy: RegoPolicy) -> None:
    reads = await policy.decide(replace(CALL, roles=("viewer",)))
    writes = await policy.decide(replace(CALL, roles=("viewer",), tool=ToolFacts(name="remember", category="write")))
    assert (reads.allow, reads.rule) == (True, "viewer_tool")
    assert (writes.allow, writes.rule) == (False, "viewer_read_only")


@pytest.mark.parametrize("roles", [(), ("stranger",)])
async def test_unknown_roles_are_denied(policy: RegoPolicy, roles: tuple[str, ...]) -> None:
    assert not (await policy.decide(replace(CALL, roles=roles))).allow


@pytest.mark.parametrize("action", ["tool:delete", "", "memory:erase_everything"])
async def test_unknown_actions_are_denied_by_default(policy: RegoPolicy, action: str) -> None:
    verdict = await policy.decide(replace(CALL, action=action, roles=("owner",)))
    assert (verdict.allow, verdict.rule) == (False, "default_deny")


async def test_a_missing_tool_is_denied(policy: RegoPolicy) -> None:
    assert not (await policy.decide(replace(CALL, tool=None))).allow


async def test_tainted_arguments_do_not_leave_the_system(policy: RegoPolicy) -> None:
    fetch = ToolFacts(name="fetch", category="read", egress=True)
    clean = await policy.decide(replace(CALL, tool=fetch, arguments={"url": "https://example.org"}))
    tainted = await policy.decide(replace(CALL, tool=fetch, taint=("url",), roles=("owner",)))
    assert clean.allow
    assert (tainted.allow, tainted.rule) == (False, "tainted_egress")
    assert "url" in tainted.reason


@pytest.mark.parametrize("category", ["write", "erase", "", "anything else"])
async def test_tainted_arguments_are_not_written(policy: RegoPolicy, category: str) -> None:
    remember = ToolFacts(name="remember", category=category)
    clean = await policy.decide(replace(CALL, tool=remember, arguments={"statement": "mine"}))
    tainted = await policy.decide(replace(CALL, tool=remember, taint=("statement",), roles=("owner",)))
    assert clean.allow
    assert (tainted.allow, tainted.rule) == (False, "tainted_write")
    assert "statement" in tainted.reason


async def test_tainted_arguments_may_be_looked_up_and_computed_with(policy: RegoPolicy) -> None:
    for category in ("read", "compute"):
        tool = ToolFacts(name="calculator", category=category)
        assert (await policy.decide(replace(CALL, tool=tool, taint=("expression",)))).allow


async def test_model_and_memory_have_rules_of_their_own(policy: RegoPolicy) -> None:
    for action, viewer_may in (("model:use", True), ("memory:read", True), ("memory:write", False)):
        verdict = await policy.decide(replace(CALL, action=action, tool=None, roles=("viewer",)))
        assert verdict.allow is viewer_may, action


@pytest.mark.parametrize(
    "text",
    [
        "package soma\nverdict := {",
        "package other\nx := 1",
        "package soma\nverdict := true",
        'package soma\nverdict := {"allow": "yes", "rule": "r", "reason": ""}',
        'package soma\nverdict := {"allow": true}',
    ],
)
async def test_a_broken_policy_denies(text: str) -> None:
    rego = RegoPolicy(text, timeout_seconds=2)
    verdict = await rego.decide(CALL)
    assert (verdict.allow, verdict.rule) == (False, "policy_error")
    rego.close()


async def test_a_slow_policy_denies_and_is_replaced() -> None:
    before = set(threading.enumerate())
    rego = RegoPolicy(SLOW, timeout_seconds=0.05)
    rules = list[str]()
    while "policy_stuck" not in rules:  # a decision that had not begun when it was given up keeps no thread
        verdict = await rego.decide(CALL)
        assert not verdict.allow
        rules.append(verdict.rule)
    assert rules[:-1] == ["policy_timeout"] * max(MAX_ABANDONED, len(rules) - 1)
    rego.close()
    for left_behind in set(threading.enumerate()) - before:
        left_behind.join()  # a process that ends below native code may break


async def test_a_verdict_that_came_in_time_counts_though_the_process_was_too_busy_to_look() -> None:
    rego = RegoPolicy.default(timeout_seconds=0.2)
    await rego.decide(CALL)  # from here on it is compiled
    deciding = asyncio.ensure_future(rego.decide(CALL))
    await asyncio.sleep(0)
    time.sleep(0.4)  # noqa: ASYNC251  # the event loop stands still, as under load
    assert (await deciding).allow
    rego.close()


async def test_arguments_that_are_not_json_deny(policy: RegoPolicy) -> None:
    assert (await policy.decide(replace(CALL, arguments={"x": object()}))).rule == "policy_error"


async def test_many_decisions_at_once_all_get_their_own_verdict(policy: RegoPolicy) -> None:
    names = ["calculator", "shell"] * 50
    asked = [replace(CALL, tool=ToolFacts(name=name, category="compute")) for name in names]
    verdicts = await asyncio.gather(*(policy.decide(facts) for facts in asked))
    assert [verdict.allow for verdict in verdicts] == [name == "calculator" for name in names]


def test_the_version_changes_with_text_and_data() -> None:
    versions = {policy_version("a", {}), policy_version("b", {}), policy_version("a", {"x": 1})}
    assert len(versions) == 3
