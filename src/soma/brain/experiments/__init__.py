"""Experiments on the prior of a learner: arms, assignments, outcomes and verdicts."""
