"""The learner: pure functions from (state, observation) to state.

Knows no clock, no file, no settings and no random number; the same inputs give the same bits on any machine.
The records of a state and of what a step leaves are frozen structs: under a quarter of the price of a named tuple. None
is ever part of a cycle, so the garbage collector need not look at them (`gc=False`). Named tuples are left where they
are arrays on the wire (`Shown`, `ToolOutcome`) or not made anew by each step (`Served`, and what recall makes).
"""
