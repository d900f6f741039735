"""Projections in memory: vectors, postings, sessions and links of what one owner name sees in one namespace."""
