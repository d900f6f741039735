"""Experiments on the start of a learner: their arms, results, and what each decides."""
