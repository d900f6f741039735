"""What is measured of the brain. A tenant is a label for the first few; never an agent, a turn or a memory."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from soma.brain.types import Principal

OTHER = "other"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
RETRIEVAL = ("alpha", "beta", "gamma", "tau")
UTILITY = ("lambda", "mu", "nu")
LEVELS = ("dopamine", "serotonin", "noradrenaline", "acetylcholine")


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
        tenant = ("tenant",)
        self._weights = {
            name: Gauge(f"somabrain_retrieval_{name}", f"Served weight {name}.", tenant, registry=self.registry)
            for name in RETRIEVAL
        } | {
            name: Gauge(f"somabrain_utility_{name}", f"Learned worth {name}.", tenant, registry=self.registry)
            for name in UTILITY
        }
        self._levels = Gauge(
            "somabrain_neuromodulator", "Level of a neuromodulator.", ("tenant", "name"), registry=self.registry
        )
        self._trust = Gauge("somabrain_trust", "Trust in what was learned.", tenant, registry=self.registry)
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

    def learner(
        self, principal: Principal, weights: Mapping[str, float], levels: Mapping[str, float], trust: float
    ) -> None:
        tenant = self._tenants.of(principal.tenant_id)
        for name, gauge in self._weights.items():
            if name in weights:
                gauge.labels(tenant).set(weights[name])
        for name in LEVELS:
            self._levels.labels(tenant, name).set(levels[name])
        self._trust.labels(tenant).set(trust)

    def feedback(self, principal: Principal, result: str, count: int = 1) -> None:
        if count:
            self._applied.labels(self._tenants.of(principal.tenant_id), result).inc(count)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)
