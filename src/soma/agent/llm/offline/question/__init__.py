"""Reading a question: its kind, the form its answer must have, and the words that name what it asks of. Pure."""
