"""The log: immutable, hash-chained facts, append-only, one log a database, one appender each."""
