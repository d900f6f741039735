"""Access: accounts and tokens, what a caller may use, and what ends with that right."""
