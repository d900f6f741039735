-- The rows of a conversation come in the order of their key.
DROP INDEX feedback_events_conversation;
CREATE INDEX feedback_events_conversation ON feedback_events (tenant_id, conversation_id, position, item);

-- In the order of arrival, so that those whose time is over are found where the table begins.
ALTER TABLE feedback_keys DROP CONSTRAINT feedback_keys_pkey;
ALTER TABLE feedback_keys ADD COLUMN answer_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY;
CREATE UNIQUE INDEX feedback_keys_key ON feedback_keys (tenant_id, key);

-- The sums of the ledger, kept as it grows: a month is read from some thirty rows a model.
CREATE TABLE usage_days (
    tenant_id TEXT             NOT NULL,
    day       TEXT             NOT NULL,
    model     TEXT             NOT NULL,
    tokens    BIGINT           NOT NULL,
    cost      DOUBLE PRECISION NOT NULL,
    calls     BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, day, model)
);
INSERT INTO usage_days SELECT tenant_id, day, model, SUM(tokens), SUM(cost), SUM(calls)
    FROM token_usage GROUP BY tenant_id, day, model;
DROP INDEX token_usage_sums;
