"""The learner: pure functions from (state, observation) to state.

Knows no clock, no file, no settings and no random number; the same inputs give the same bits on any machine.
What each event makes anew is a frozen struct: a fifth of the price of a named tuple. None is ever part of a cycle, so
the garbage collector need not look at them (`gc=False`).
"""
