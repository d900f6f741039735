-- Of an answer under a key that its caller chose: a digest of what was said under it, '' where none is known.
ALTER TABLE feedback_keys ADD COLUMN said TEXT NOT NULL DEFAULT '';
