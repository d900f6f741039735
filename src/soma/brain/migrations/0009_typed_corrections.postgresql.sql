-- Of a correction that a person typed: the turn whose answer it corrects, '' where that is not named.
ALTER TABLE corrections ADD COLUMN turn_id TEXT;
