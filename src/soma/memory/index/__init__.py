"""Projections in memory: vectors, postings, sessions and links of one owner name in one namespace."""
