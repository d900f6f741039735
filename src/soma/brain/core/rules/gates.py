"""Gates: what salience lets through. Only automatic outcomes are gated: a person's feedback never is."""

from typing import NamedTuple

from soma.brain.core.arithmetic import clamp
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.modulators import Modulators


class Gates(NamedTuple):
    learn: bool
    act: bool
    admit: bool


def is_salient(salience: float, hyperparameters: Hyperparameters) -> bool:
    """Return whether an automatic outcome may move weights."""
    return salience >= hyperparameters.gate_learn


def gates(salience: float, modulators: Modulators, hyperparameters: Hyperparameters) -> Gates:
    """Open at a salience of 0.3 to learn, 0.5 to act, 0.7 to admit to working memory (acetylcholine lowers it)."""
    return Gates(
        learn=is_salient(salience, hyperparameters),
        act=salience >= hyperparameters.gate_act,
        admit=salience >= admission_threshold(modulators, hyperparameters),
    )


def admission_threshold(modulators: Modulators, hyperparameters: Hyperparameters) -> float:
    alert = hyperparameters.profile.displacement("acetylcholine", modulators.acetylcholine)
    return clamp(hyperparameters.gate_admit - hyperparameters.acetylcholine_reach * alert, 0.0, 1.0)
