"""The prompt (pure): lanes of the token budget, the history, and the messages of one model call."""
