"""The learner: pure functions from (state, observation) to state.

The core reads no clock, no file, no settings and no random number: the same inputs give the same bits on any machine.

    observations, hyperparameters     what goes in: what happened, and the constants of the rules
    rules/                            one file a rule: each moves one part of a state
    state, learn, explanation         all parts together, the step to the next state, and why it moved what it moved
    serving/                          what recall, packing and planning use of a state
    experiments/                      another prior, tried on some conversations

States, and the records that a step leaves, are frozen structs: under a quarter of the price of a named tuple. None is
ever part of a reference cycle, so the garbage collector need not look at them (`gc=False`). Named tuples are left
where a record is an array on the wire (`ShownMemory`, `ToolCallOutcome`) or is not made anew by each step
(`ServedWeights`, and the records of recall).
"""
