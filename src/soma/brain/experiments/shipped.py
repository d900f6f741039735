"""Experiments that come with Soma, to be run as they are or read as examples (docs/experiments.md)."""

from soma.brain.wire.requests import ArmBody, NewExperiment

SHIPPED = {
    experiment.name: experiment
    for experiment in (
        NewExperiment(
            name="exp_retrieval_alpha_vs_tau",
            hypothesis=(
                "People are better served by memories nearer in meaning (alpha + 0.2) than by a wider attention that "
                "shows more of them (tau + 0.1)."
            ),
            arms=(
                ArmBody(name="alpha", changes={"alpha": 0.2}),
                ArmBody(name="tau", changes={"tau": 0.1}),
            ),
            metric="reward",
            method="welch",
            planned=100,
        ),
    )
}
