-- Which memories answer a question and which do not, as a person said of a bundle: for that person alone.
CREATE TABLE corrections (
    tenant_id  TEXT    NOT NULL,
    agent_id   TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    bundle_id  TEXT    NOT NULL,
    memory_id  TEXT    NOT NULL,
    helpful    INTEGER NOT NULL,
    version    BIGINT  NOT NULL,  -- of the learner, after it was learned
    words      TEXT    NOT NULL,  -- a digest of the question's words
    numbers    TEXT    NOT NULL,  -- JSON: its words with a digit in them
    embedding  BYTEA   NOT NULL,  -- of the question, little-endian float32
    created_at TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, agent_id, user_id, bundle_id, memory_id)
);
CREATE INDEX corrections_memory ON corrections (tenant_id, memory_id);
