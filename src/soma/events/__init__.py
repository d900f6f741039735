"""What happened: immutable, hash-chained facts, one append-only log a database, one appender each."""
