-- Which update learned a person's verdict on a turn: what is to be left out where the answer is withdrawn later.
CREATE TABLE turn_rewards (
    tenant_id  TEXT    NOT NULL,
    turn_id    TEXT    NOT NULL,
    agent_id   TEXT    NOT NULL,
    version    INTEGER NOT NULL,  -- of the learner, after it
    created_at TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, turn_id, agent_id, version)
) WITHOUT ROWID;

-- Turns whose answer was withdrawn. The log says the same (`reward.voided`).
CREATE TABLE withdrawn_answers (
    tenant_id       TEXT    NOT NULL,
    agent_id        TEXT    NOT NULL,
    turn_id         TEXT    NOT NULL,
    versions        TEXT    NOT NULL,  -- JSON: the updates that were left out for it
    learner_version INTEGER NOT NULL,  -- after that
    created_at      TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, agent_id, turn_id)
) WITHOUT ROWID;
