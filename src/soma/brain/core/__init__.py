"""The learner: pure functions from (state, observation) to state.

Knows no clock, no file, no settings and no random number; the same inputs give the same bits on any machine.
"""
