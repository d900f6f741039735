"""The documents of memory: how a file is recognised as one, and what an import will do."""
