"""Which documents there are: what a file is recognised by, and what an import will do."""
