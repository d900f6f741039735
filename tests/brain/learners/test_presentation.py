"""What is served of a state, worked out from the one before it, is what it would be by itself."""

import pytest
from hypothesis import given
from tests.brain.histories import any_hyperparameters, histories, run

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.learn import Observation, learn
from soma.brain.core.restore import Restore
from soma.brain.core.state import LearnerState
from soma.brain.learners.presentation import serve_next, served_weights, weight_changes

pytestmark = pytest.mark.learning


@given(histories, histories, any_hyperparameters)
def test_what_the_next_state_serves_and_moves_is_as_worked_out_from_nothing(
    earlier: list[Observation], history: list[Observation], hyperparameters: Hyperparameters
) -> None:
    before = run(earlier, hyperparameters)
    back = Restore(snapshot=LearnerState.initial(hyperparameters), reason="a person asked")
    for observation in (*history, back):
        after, _ = learn(before, observation, hyperparameters)
        known, fresh = served_weights(before, hyperparameters), served_weights(after, hyperparameters)
        served, deltas = serve_next(before, known, after, hyperparameters)
        assert list(served.items()) == list(fresh.items())
        assert list(deltas.items()) == list(weight_changes(known, fresh).items())
        before = after
