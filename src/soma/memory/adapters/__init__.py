"""Vectors that this process does not hold, a place a file, behind the port `index.vectors`."""
