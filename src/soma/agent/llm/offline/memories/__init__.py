"""Reading memories: passages of documents and sentences of people that support an answer, and how well. Pure."""
