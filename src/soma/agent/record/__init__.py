"""The record of a turn (pure): the fold of its facts, its sources, citations and score."""
