-- Short vectors of the passages of a text that its model cannot read at once, 8 bits a number; empty for other texts.
ALTER TABLE memory_embeddings ADD COLUMN passages BYTEA DEFAULT '';

-- NULL: read in part only, before there were passages. Upkeep reads it again, and its former vectors serve until then.
-- A token has at least a byte: a shorter text was read whole.
UPDATE memory_embeddings SET passages = NULL WHERE memory_id IN (
    SELECT id FROM memories WHERE OCTET_LENGTH(text) + OCTET_LENGTH(metadata) > 254
) AND model LIKE 'all-minilm%';
UPDATE memory_embeddings SET passages = NULL WHERE memory_id IN (
    SELECT id FROM memories WHERE LENGTH(text) + LENGTH(metadata) > 16000
);
-- For counting these without reading a vector.
CREATE INDEX memory_embeddings_in_part ON memory_embeddings (model, memory_id, source) WHERE passages IS NULL;
