"""Rules: how each kind of evidence moves one part of a learner; none knows the whole state."""
