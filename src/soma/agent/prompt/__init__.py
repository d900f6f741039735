"""The prompt (pure): lanes of the token budget, and the messages of one model call."""
