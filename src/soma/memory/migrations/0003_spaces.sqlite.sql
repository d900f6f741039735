-- `source` is the checksum of the payload that was read, `seal` a digest of it, the model and the numbers.
ALTER TABLE memory_embeddings ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE memory_embeddings ADD COLUMN seal TEXT NOT NULL DEFAULT '';
-- For counting what is missing without reading a vector.
CREATE INDEX memory_embeddings_source ON memory_embeddings (memory_id, model, source);

-- How to call each model that vectors were made with; no secrets.
CREATE TABLE memory_models (
    model   TEXT NOT NULL PRIMARY KEY,
    choice  TEXT NOT NULL
);

-- The model whose vectors answer a tenant, once it was ever changed.
CREATE TABLE memory_tenants (
    tenant_id  TEXT NOT NULL PRIMARY KEY,
    model      TEXT NOT NULL
);
