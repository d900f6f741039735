"""Memories read for an answer: passages of documents, sentences of people, and how well they support it. Pure."""
