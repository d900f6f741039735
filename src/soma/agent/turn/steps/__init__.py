"""Steps 4 to 11 of a turn, one file each: what is done, and the fact that records it."""
