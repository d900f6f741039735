"""Storage: the rows of turns, each written in one transaction with its fact, and what is found in them."""
