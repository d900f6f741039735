"""Data sets of the benchmarks: memories, questions and their gold answers."""
