"""The agent's metrics. Never a label for a tenant, a user or a turn."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from soma.agent.record.turn import TurnRecord
from soma.events.facts.turn import IterationCompleted, TurnComplete

REGISTRY = CollectorRegistry()

FAST = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)

iterations_total = Counter(
    "rlm_iterations", "Iterations, by why the turn ended with them.", ["exit_reason"], registry=REGISTRY
)
iterations_per_turn = Histogram(
    "rlm_iterations_per_turn", "Iterations of a turn.", buckets=(1, 2, 3, 4, 5, 6, 8, 10, 20), registry=REGISTRY
)
turn_latency = Histogram("agent_turn_latency_seconds", "From message to reply.", buckets=FAST, registry=REGISTRY)
model_latency = Histogram("agent_model_latency_seconds", "One model call.", buckets=FAST, registry=REGISTRY)
model_failures_total = Counter(
    "agent_model_failures", "Calls that a model did not answer, each try for itself.", ["code"], registry=REGISTRY
)
requests_total = Counter("chat_requests", "Requests to the chat's endpoints.", ["method", "result"], registry=REGISTRY)
request_latency = Histogram("chat_latency_seconds", "Their duration.", ["method"], buckets=FAST, registry=REGISTRY)
tokens_total = Counter("chat_tokens", "Tokens sent to and got from models.", ["direction"], registry=REGISTRY)
tool_seconds = Histogram(
    "tool_execution_seconds", "A tool call, by its outcome.", ["tool", "result"], buckets=FAST, registry=REGISTRY
)
decisions_total = Counter("policy_decisions", "Verdicts of the policy.", ["decision"], registry=REGISTRY)


def observe_iteration(record: TurnRecord, fact: IterationCompleted) -> None:
    iteration = record.iteration(fact.iteration_number)
    spoken = iteration.spoken
    iterations_total.labels(fact.exit_reason or "none").inc()
    model_latency.observe(spoken.latency_ms / 1000)
    tokens_total.labels("in").inc(spoken.prompt_tokens)
    tokens_total.labels("out").inc(spoken.completion_tokens)
    for use in iteration.tools.values():
        if use.decided is not None:
            decisions_total.labels("allow" if use.decided.allow else "deny").inc()
        if use.finished is not None and use.finished.status != "invalid":  # a made-up name must not become a label
            tool_seconds.labels(use.requested.tool, use.finished.status).observe(use.finished.duration_ms / 1000)


def observe_turn(fact: TurnComplete) -> None:
    iterations_per_turn.observe(fact.total_iterations)
    turn_latency.observe(fact.latency_ms / 1000)


def exposition() -> bytes:
    return generate_latest(REGISTRY)
