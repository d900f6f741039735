"""The plan of a bundle: what there is to choose from, and the best of it by what the learner says things are worth.

The core climbs (`core/plan.py`); here is the menu. What a caller does not describe is taken from the shipped options:
their gains, prices and times are expectations in the order of magnitude of hosted models, not measurements of yours.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from soma.brain.core.arithmetic import total
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.serving.plan import Menu, Option, Plan, PlanChoice, Worth, plan
from soma.brain.core.serving.serve import ServedWeights
from soma.brain.wire.requests import PlanOption, PlanOptions

LEAST_GAIN = 0.5  # views are relative: they say which candidate is best, never that none is good
COUNTS = (0, 1, 2, 4, 8, 12, 16, 24, 32, 50, 75, 100, 150, 200)  # memories that a plan may ask for


SHIPPED = PlanOptions(
    prompts=(
        PlanOption(name="plain"),
        PlanOption(name="reasoned", gain=0.08, tokens=60, latency_ms=600.0),
    ),
    models=(
        PlanOption(name="economy", gain=0.30, token_cost=2e-7, token_ms=0.05, latency_ms=400.0),
        PlanOption(name="standard", gain=0.50, token_cost=1e-6, token_ms=0.10, latency_ms=800.0),
        PlanOption(name="premium", gain=0.60, token_cost=5e-6, token_ms=0.20, latency_ms=2_000.0),
    ),
    tools=(
        PlanOption(name="none"),
        PlanOption(name="offered", gain=0.10, tokens=250, latency_ms=200.0),
    ),
)


def make_plan(
    attention: Sequence[float],
    tokens: Sequence[int],
    *,
    gain: float,
    served: ServedWeights,
    hyperparameters: Hyperparameters,
    options: PlanOptions = SHIPPED,
) -> PlanChoice:
    """Choose the best plan. `attention` and `tokens` are of the memories that may be shown, best first.

    `gain` in [0, 1] is the bundle's own: all of its memories bring (1 + gain) / 2, the first n of them as much of that
    as they hold of the attention.
    """
    menu = Menu(
        memories=_memories(attention, tokens, LEAST_GAIN + (1.0 - LEAST_GAIN) * gain),
        prompts=_options(options.prompts or SHIPPED.prompts),
        models=_options(options.models or SHIPPED.models),
        tools=_options(options.tools or SHIPPED.tools),
    )
    return plan(menu, Worth(served.lambda_, served.mu, served.nu), hyperparameters)


def memories_of(chosen: Plan) -> int:
    return int(chosen.memories)


def describe_plan(choice: PlanChoice, served: ServedWeights) -> dict[str, Any]:
    """Describe the plan for the bundle: advice to the caller, which bounds nothing by itself."""
    return {
        "best": _view(choice.best),
        "runners_up": [_view(runner_up) for runner_up in choice.runners_up],
        "evaluations": choice.evaluations,
        "worth": {"lambda": served.lambda_, "mu": served.mu, "nu": served.nu},
    }


def _memories(attention: Sequence[float], tokens: Sequence[int], gain: float) -> tuple[Option, ...]:
    most = len(attention)
    counts = [*(count for count in COUNTS if count < most), most]
    whole = total(attention) or 1.0
    return tuple(
        Option(str(count), gain=gain * total(attention[:count]) / whole, tokens=sum(tokens[:count])) for count in counts
    )


def _options(described: Sequence[PlanOption]) -> tuple[Option, ...]:
    return tuple(Option(**msgspec.structs.asdict(option)) for option in described)


def _view(chosen: Plan) -> dict[str, Any]:
    return chosen._asdict() | {"memories": memories_of(chosen)}
