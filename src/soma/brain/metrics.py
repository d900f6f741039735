"""Metrics of the brain. A tenant is a label for the first few; never an agent, a turn or a memory."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.serving.serve import serve
from soma.brain.core.state import LearnerState
from soma.brain.learners.presentation import levels, weights_of
from soma.brain.types import Principal

OTHER = "other"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
RETRIEVAL = ("alpha", "beta", "gamma", "tau")
UTILITY = ("lambda", "mu", "nu")


class TenantLabels:
    """A label of its own for the first `budget` tenants seen, `other` for the rest."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._known: set[str] = set()

    def of(self, tenant_id: str) -> str:
        if tenant_id not in self._known:
            if len(self._known) >= self._budget:
                return OTHER
            self._known.add(tenant_id)
        return tenant_id


class BrainMetrics:
    """Registered where the process says: two brains in one test do not meet."""

    def __init__(self, registry: CollectorRegistry | None = None, *, tenants: int = 200) -> None:
        self.registry = registry or CollectorRegistry()
        self._tenants = TenantLabels(tenants)
        self._learners = _Learners()
        self.registry.register(self._learners)
        self.working_memory = Gauge(
            "somabrain_working_memory_items", "Items of the working memories of this process.", registry=self.registry
        )
        self._applied = Counter(
            "somabrain_feedback_applied", "Feedback by what became of it.", ("tenant", "result"), registry=self.registry
        )
        self.feedback_seconds = self._histogram("somabrain_feedback_latency_seconds", "Taking one feedback.")
        self.learning_seconds = self._histogram("somabrain_learning_latency_seconds", "Learning from one iteration.")
        self.recall_seconds = self._histogram("somabrain_recall_latency_seconds", "Recalling and ranking.")

    def _histogram(self, name: str, meaning: str) -> Histogram:
        return Histogram(name, meaning, buckets=SECONDS, registry=self.registry)

    def learner(self, principal: Principal, state: LearnerState, hyperparameters: Hyperparameters) -> None:
        """Keep the newest state of a tenant's learners; the last one speaks for the tenant."""
        self._learners.newest[self._tenants.of(principal.tenant_id)] = state, hyperparameters

    def add_restored(
        self, learners: Iterable[tuple[Principal, LearnerState]], hyperparameters: Hyperparameters
    ) -> None:
        """Add what a start restored, of at most as many tenants as have a label of their own."""
        for principal, state in learners:
            self.learner(principal, state, hyperparameters)

    def feedback(self, principal: Principal, result: str, count: int = 1) -> None:
        if count:
            self._applied.labels(self._tenants.of(principal.tenant_id), result).inc(count)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)


class _Learners(Collector):
    """Works the gauges out when they are asked for: far more is learned than is scraped."""

    def __init__(self) -> None:
        self.newest: dict[str, tuple[LearnerState, Hyperparameters]] = {}

    def collect(self) -> Iterator[Metric]:
        weights = {
            name: GaugeMetricFamily(f"somabrain_retrieval_{name}", f"Served weight {name}.", labels=["tenant"])
            for name in RETRIEVAL
        } | {
            name: GaugeMetricFamily(f"somabrain_utility_{name}", f"Learned worth {name}.", labels=["tenant"])
            for name in UTILITY
        }
        level = GaugeMetricFamily("somabrain_neuromodulator", "Level of a neuromodulator.", labels=["tenant", "name"])
        trust = GaugeMetricFamily("somabrain_trust", "Trust in what was learned.", labels=["tenant"])
        for tenant, (state, hyperparameters) in list(self.newest.items()):
            served = serve(state, hyperparameters)
            for name, value in weights_of(served, state).items():
                if name in weights:
                    weights[name].add_metric([tenant], value)
            for name, value in levels(state).items():
                level.add_metric([tenant, name], value)
            trust.add_metric([tenant], served.trust)
        yield from (*weights.values(), level, trust)
