"""`soma bench learn`: compare ways to learn from feedback, by simulation on fixed candidates."""
