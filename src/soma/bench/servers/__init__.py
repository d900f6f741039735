"""Servers that a benchmark starts, and the load it puts on them."""
