"""Any history that a learner may have, for properties."""

from hypothesis import strategies as st

from soma.brain.core.hyperparameters import Hyperparameters, Rule
from soma.brain.core.learn import Observation, learn
from soma.brain.core.modulators import UNIT
from soma.brain.core.observations import (
    AnswerVerdict,
    Evidence,
    EvidenceSource,
    IterationOutcome,
    ShownMemory,
    ToolCallOutcome,
)
from soma.brain.core.shapes import Mixing, Shape
from soma.brain.core.state import LearnerState
from soma.brain.core.weights import Views

HYPERPARAMETERS = Hyperparameters(views=Views.of({"semantic": 1.0, "graph": 0.2, "temporal": 0.1, "old": 0.0}))
LITERAL = Hyperparameters(views=HYPERPARAMETERS.views, learning_rule=Rule.LITERAL)
MIXING = Mixing(
    shapes=(
        Shape("old texts", 0.2, (("old", 1.0), ("semantic", 0.5))),
        Shape("linked texts", 0.1, (("graph", 1.0), ("semantic", 1.0))),
    )
)
SHAPED = Hyperparameters(views=HYPERPARAMETERS.views, mixing=MIXING)
UNIT_PROFILE = Hyperparameters(views=HYPERPARAMETERS.views, profile=UNIT)

numbers = st.floats(allow_nan=True, allow_infinity=True) | st.floats(min_value=-2, max_value=2)
maybe = st.none() | numbers
names = st.sampled_from(["semantic", "graph", "temporal", "old", "session", "ä", ""])
answers = st.builds(
    AnswerVerdict,
    reward=maybe,
    thumb=st.sampled_from([-1, 1]),
    rating=st.none() | st.integers(1, 5),
    copied=st.booleans(),
    raw_confidence=maybe,
    gain=maybe,
    cost=maybe,
    latency_ms=maybe,
    tools=st.lists(names, max_size=3).map(tuple),
)
outcomes = st.builds(
    IterationOutcome,
    tool_outcomes=st.lists(st.builds(ToolCallOutcome, names, st.booleans()), max_size=3).map(tuple),
    confidence=maybe,
    progress=maybe,
    novelty=numbers,
    gain=maybe,
    cost=maybe,
    latency_ms=maybe,
    diversity=maybe,
)


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    views = tuple(draw(st.lists(names, unique=True, max_size=5)))
    ids = draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=6))
    row = st.tuples(*[st.integers(0, 65535)] * len(views))
    pick = st.lists(st.sampled_from("abcdefg"), max_size=3).map(tuple)
    return Evidence(
        views=views,
        shown=tuple(ShownMemory(key, draw(row)) for key in ids),
        helpful=draw(pick),
        unhelpful=draw(pick),
        source=draw(st.sampled_from(EvidenceSource)),
        held_out=draw(st.booleans()),
        novelty=draw(numbers),
        diversity=draw(maybe),
    )


histories = st.lists(answers | outcomes | evidences(), max_size=30)
any_hyperparameters = st.sampled_from([HYPERPARAMETERS, LITERAL, SHAPED, UNIT_PROFILE])


def run(history: list[Observation], hyperparameters: Hyperparameters) -> LearnerState:
    state = LearnerState.initial(hyperparameters)
    for observation in history:
        state, _ = learn(state, observation, hyperparameters)
    return state
