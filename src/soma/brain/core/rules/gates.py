"""What salience lets through. Only automatic outcomes are gated: a person's feedback never is."""

from typing import NamedTuple

from soma.brain.core.arithmetic import clamp
from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.modulators import Modulators


class Gates(NamedTuple):
    learn: bool
    act: bool
    admit: bool


def passes(salience: float, settings: Hyperparameters) -> bool:
    """Whether an automatic outcome may move weights."""
    return salience >= settings.gate_learn


def gates(salience: float, modulators: Modulators, settings: Hyperparameters) -> Gates:
    """0.3 learn, 0.5 act, 0.7 admit to working memory; acetylcholine lowers the last."""
    return Gates(
        learn=passes(salience, settings),
        act=salience >= settings.gate_act,
        admit=salience >= admission_threshold(modulators, settings),
    )


def admission_threshold(modulators: Modulators, settings: Hyperparameters) -> float:
    alert = settings.profile.displacement("acetylcholine", modulators.acetylcholine)
    return clamp(settings.gate_admit - settings.acetylcholine_reach * alert, 0.0, 1.0)
