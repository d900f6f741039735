"""Questions: their kind, the form that an answer must have, and the words that name what is asked for. Pure."""
