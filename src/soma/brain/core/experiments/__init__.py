"""Experiments on the prior: who is in which arm, what the results say, and which step to try next."""
