"""The steps of a turn, one file each: what is done, and the fact that records it."""
