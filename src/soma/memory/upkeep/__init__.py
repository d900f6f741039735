"""Upkeep while nobody asks: missing vectors made, projections compared with the rows, episodes consolidated."""
