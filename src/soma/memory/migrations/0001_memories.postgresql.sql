-- The truth. Vectors, postings and sessions in memory are made from these rows and can be thrown away.
CREATE TABLE memories (
    id              TEXT    PRIMARY KEY,
    tenant_id       TEXT    NOT NULL,
    namespace       TEXT    NOT NULL,
    scope           TEXT    NOT NULL,            -- user, agent, tenant
    scope_owner     TEXT    NOT NULL,            -- user:<id>, agent:<id>, tenant: who may see it
    user_id         TEXT    NOT NULL,            -- who remembered it
    agent_id        TEXT    NOT NULL,
    key             TEXT    NOT NULL,            -- the digest of it, once forgotten
    kind            TEXT    NOT NULL,
    text            TEXT    NOT NULL,            -- empty once forgotten
    metadata        TEXT    NOT NULL,
    conversation_id TEXT,
    occurred_at     TEXT    NOT NULL,
    importance      DOUBLE PRECISION    NOT NULL,
    value           DOUBLE PRECISION    NOT NULL DEFAULT 0.5,
    access_count    BIGINT  NOT NULL DEFAULT 0,
    accessed_at     TEXT,
    checksum        TEXT    NOT NULL,
    position        BIGINT  NOT NULL,            -- of the event that created it: the order of creation
    revision        BIGINT  NOT NULL,            -- of the event that changed it last
    created_at      TEXT    NOT NULL,
    updated_at      TEXT    NOT NULL,
    forgotten_at    TEXT,
    receipt_id      TEXT
);
CREATE UNIQUE INDEX memories_key ON memories (tenant_id, namespace, scope_owner, key) WHERE forgotten_at IS NULL;
CREATE INDEX memories_partition ON memories (tenant_id, namespace, scope_owner, position) WHERE forgotten_at IS NULL;

-- One vector a memory and model: while a new model is taken up, the old one still answers.
CREATE TABLE memory_embeddings (
    memory_id  TEXT    NOT NULL REFERENCES memories (id),
    model      TEXT    NOT NULL,
    dimension  BIGINT  NOT NULL,
    vector     BYTEA   NOT NULL,                 -- float32, little endian
    word_vectors BYTEA   NOT NULL,             -- their number (4 bytes), then int8 rows of equal length
    PRIMARY KEY (memory_id, model)
);

CREATE TABLE memory_links (
    tenant_id  TEXT    NOT NULL,
    from_id    TEXT    NOT NULL REFERENCES memories (id),
    to_id      TEXT    NOT NULL REFERENCES memories (id),
    relation   TEXT    NOT NULL,
    weight     DOUBLE PRECISION    NOT NULL,
    PRIMARY KEY (from_id, to_id, relation)
);
CREATE INDEX memory_links_to ON memory_links (to_id);
