"""Requests of the brain's client, made of plain values as a caller over HTTP would send them."""

from typing import Any

from soma.brain.wire.requests import Evaluate, Feedback, NewExperiment, Preview, TurnMetrics


def new_query(**fields: Any) -> Evaluate:
    return Evaluate(**fields)


def new_feedback(**fields: Any) -> Feedback:
    return Feedback(**fields)


def new_report(**fields: Any) -> TurnMetrics:
    return TurnMetrics(**fields)


def new_experiment(**fields: Any) -> NewExperiment:
    return NewExperiment(**fields)


def new_preview(**fields: Any) -> Preview:
    return Preview(**fields)
