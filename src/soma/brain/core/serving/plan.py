"""The planner: which memories, prompt, model and tools to use, by hill climbing on expected utility.

U = lambda gain - mu cost / budget - nu latency / target. It calls no language model and knows no vendor: the
shell describes each option by what it is expected to bring and to cost.
"""

from typing import NamedTuple

from soma.brain.core.hyperparameters import Hyperparameters

EVALUATIONS = 20
RUNNERS_UP = 3


class Option(NamedTuple):
    """One choice on one axis. A model also has `token_cost` and `token_ms`: price and time of a token."""

    name: str
    gain: float = 0.0
    tokens: int = 0
    cost: float = 0.0
    latency_ms: float = 0.0
    token_cost: float = 0.0
    token_ms: float = 0.0


class Menu(NamedTuple):
    """Options of each axis, from least to most: neighbours in the list are neighbours in the search."""

    memories: tuple[Option, ...]
    prompts: tuple[Option, ...]
    models: tuple[Option, ...]
    tools: tuple[Option, ...]


class Worth(NamedTuple):
    """Worth of gain, cost and latency: lambda, mu, nu."""

    lambda_: float
    mu: float
    nu: float


class Plan(NamedTuple):
    memories: str
    prompt: str
    model: str
    tools: str
    gain: float
    cost: float
    latency_ms: float
    utility: float


class PlanChoice(NamedTuple):
    best: Plan
    runners_up: tuple[Plan, ...]
    evaluations: int


Place = tuple[int, ...]


def plan(menu: Menu, worth: Worth, hyperparameters: Hyperparameters, start: Place | None = None) -> PlanChoice:
    """Climb axis by axis, each as far as it helps, until nothing does or 20 plans were evaluated.

    Starts at `start`, the indices of an earlier plan, or in the middle of each axis.
    """
    if not all(menu):
        raise ValueError("each axis of the menu needs an option")
    seen: dict[Place, Plan] = {}

    def visit(place: Place, best: float) -> bool:
        if place not in seen:
            if len(seen) >= EVALUATIONS:
                return False
            seen[place] = evaluate(menu, place, worth, hyperparameters)
        return seen[place].utility > best

    middle = tuple(len(axis) // 2 for axis in menu)
    here = tuple(min(max(at, 0), len(axis) - 1) for at, axis in zip(start or middle, menu, strict=True))
    visit(here, 0.0)
    resting = 0  # axes in a row on which nothing better was found
    axis = 0
    while resting < len(menu):
        resting += 1
        for step in (1, -1):
            while (there := _neighbour(here, axis, step, menu)) and visit(there, seen[here].utility):
                here, resting = there, 0
        axis = (axis + 1) % len(menu)
    ordered = sorted(seen.values(), key=lambda found: (-found.utility, found))
    return PlanChoice(ordered[0], tuple(ordered[1 : 1 + RUNNERS_UP]), len(seen))


def evaluate(menu: Menu, place: Place, worth: Worth, hyperparameters: Hyperparameters) -> Plan:
    """Join gains as independent chances, 1 - prod(1 - gain) (noisy-or): an axis brings less where others bring much."""
    memories, prompt, model, tools = (axis[at] for axis, at in zip(menu, place, strict=True))
    tokens = memories.tokens + prompt.tokens + model.tokens + tools.tokens
    missed = (1.0 - memories.gain) * (1.0 - prompt.gain) * (1.0 - model.gain) * (1.0 - tools.gain)
    cost = memories.cost + prompt.cost + model.cost + tools.cost + tokens * model.token_cost
    latency = memories.latency_ms + prompt.latency_ms + model.latency_ms + tools.latency_ms
    latency += tokens * model.token_ms
    gain = 1.0 - missed
    return Plan(
        memories.name,
        prompt.name,
        model.name,
        tools.name,
        gain,
        cost,
        latency,
        utility(gain, cost, latency, worth, hyperparameters),
    )


def utility(gain: float, cost: float, latency_ms: float, worth: Worth, hyperparameters: Hyperparameters) -> float:
    """The same terms as the regression of lambda, mu and nu: gain, cost by budget, latency by target."""
    return (
        worth.lambda_ * gain
        - worth.mu * cost / hyperparameters.cost_budget
        - worth.nu * latency_ms / hyperparameters.latency_target_ms
    )


def _neighbour(place: Place, axis: int, step: int, menu: Menu) -> Place | None:
    at = place[axis] + step
    return (*place[:axis], at, *place[axis + 1 :]) if 0 <= at < len(menu[axis]) else None
