-- A feedback that comes alone pays for every page that it touches: three pages instead of seven.

-- The rows of a conversation come in the order of their key (position, item), which every index row holds anyway.
DROP INDEX feedback_events_conversation;
CREATE INDEX feedback_events_conversation ON feedback_events (tenant_id, conversation_id);

-- Keys are random: what is found by them lies in the order of arrival, so that only a short index row is scattered.
ALTER TABLE feedback_keys RENAME TO feedback_keys_before;
CREATE TABLE feedback_keys (
    answer_id  INTEGER PRIMARY KEY,
    tenant_id  TEXT NOT NULL,
    key        TEXT NOT NULL,
    answer     TEXT NOT NULL,
    created_at TEXT NOT NULL
);
INSERT INTO feedback_keys (tenant_id, key, answer, created_at)
    SELECT tenant_id, key, answer, created_at FROM feedback_keys_before ORDER BY created_at;
DROP TABLE feedback_keys_before;
CREATE UNIQUE INDEX feedback_keys_key ON feedback_keys (tenant_id, key);

-- The sums of the ledger, kept as it grows: a month is read from some thirty rows a model.
CREATE TABLE usage_days (
    tenant_id TEXT    NOT NULL,
    day       TEXT    NOT NULL,
    model     TEXT    NOT NULL,
    tokens    INTEGER NOT NULL,
    cost      REAL    NOT NULL,
    calls     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, model)
) WITHOUT ROWID;
INSERT INTO usage_days SELECT tenant_id, day, model, SUM(tokens), SUM(cost), SUM(calls)
    FROM token_usage GROUP BY tenant_id, day, model;
DROP INDEX token_usage_sums;
