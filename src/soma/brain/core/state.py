"""The state of a learner: all that was learned for one (tenant, agent), as one immutable value."""

from hashlib import sha256

import msgspec

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.modulators import Modulators
from soma.brain.core.rules import calibration, evidence, guard, temperature, utility
from soma.brain.core.rules.calibration import Calibration
from soma.brain.core.rules.evidence import Retrieval
from soma.brain.core.rules.guard import Guard, Parameters
from soma.brain.core.rules.temperature import Temperature
from soma.brain.core.rules.tools import Tools
from soma.brain.core.rules.utility import Utility
from soma.brain.core.weights import by_weight_name


class ObservationCounts(msgspec.Struct, frozen=True, gc=False):
    answers: int
    evidence: int
    outcomes: int
    gated: int
    clipped: int
    guarded: int


class LearnerState(msgspec.Struct, frozen=True, gc=False):
    """`version` counts observations, gapless; `values_version` those that named memories."""

    version: int
    retrieval: Retrieval
    utility: Utility
    temperature: Temperature
    modulators: Modulators
    baseline: float
    calibration: Calibration
    tools: Tools
    guard: Guard
    counts: ObservationCounts
    values_version: int

    @classmethod
    def initial(cls, hyperparameters: Hyperparameters) -> "LearnerState":
        return cls(
            version=0,
            retrieval=evidence.initial(hyperparameters.views),
            utility=utility.INITIAL,
            temperature=temperature.initial(hyperparameters),
            modulators=hyperparameters.profile.baseline,
            baseline=0.0,
            calibration=calibration.EMPTY,
            tools=(),
            guard=guard.INITIAL,
            counts=ObservationCounts(0, 0, 0, 0, 0, 0),
            values_version=0,
        )

    @property
    def parameters(self) -> Parameters:
        return Parameters(self.retrieval, self.utility, self.temperature)

    @property
    def weights(self) -> dict[str, float]:
        """Weights as learned, by their names on the wire; trust decides what of them is served (`serving/serve.py`)."""
        return by_weight_name(self.retrieval.views.names, self.retrieval.weights) | self.weights_beside_views

    @property
    def weights_beside_views(self) -> dict[str, float]:
        """tau, lambda, mu and nu: they belong to no view, and are served as they are learned."""
        worth = self.utility
        return {"tau": self.temperature.tau, "lambda": worth.lambda_, "mu": worth.mu, "nu": worth.nu}

    def to_json(self) -> str:
        """JSON by the names of the fields, each float to its last bit. Raises ValueError if a float is not finite."""
        text = msgspec.json.encode(self)
        self.from_json(text)  # JSON has no word for it but null, which is no float
        return text.decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> "LearnerState":
        return msgspec.json.decode(text, type=cls)

    def state_hash(self) -> str:
        """SHA-256 of the MessagePack: all in field order, floats as big-endian IEEE 754, texts with their length."""
        return sha256(msgspec.msgpack.encode(self)).hexdigest()
