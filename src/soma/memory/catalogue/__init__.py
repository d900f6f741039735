"""The documents of memory: which document a file is, and what an import will do. Pure."""
