"""Storage: the agent's rows, each written in one transaction with its fact."""
