"""Every SQL statement of memory, a file a table, and how a row becomes a value. pgvector's table is in `adapters/`."""
