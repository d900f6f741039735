-- What the brain keeps beside the log. The log is the truth: every table here but `bundles` can be derived from it.

-- The learner of a (tenant, agent) as it was at `version`, and the number of its stream's last event then.
CREATE TABLE learner_snapshots (
    tenant_id  TEXT    NOT NULL,
    agent_id   TEXT    NOT NULL,
    version    BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    state      TEXT    NOT NULL,
    state_hash TEXT    NOT NULL,
    created_at TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, agent_id, version)
);

-- What was shown for a query: the ids and integer views that feedback on it is learned from.
CREATE TABLE bundles (
    bundle_id       TEXT    NOT NULL PRIMARY KEY,  -- time-ordered
    tenant_id       TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    agent_id        TEXT    NOT NULL,
    conversation_id TEXT    NOT NULL,
    learner_version BIGINT NOT NULL,
    content         TEXT    NOT NULL,              -- JSON: views, shown, novelty, diversity, gain, query
    embedding       BYTEA   NOT NULL,              -- of the query, little-endian float32
    expires_at      TEXT    NOT NULL
);
CREATE INDEX bundles_expiry ON bundles (expires_at);

-- The first answer to each (turn, iteration), and where it left the learner.
CREATE TABLE turn_metrics (
    tenant_id        TEXT    NOT NULL,
    turn_id          TEXT    NOT NULL,
    iteration_number INTEGER NOT NULL,
    agent_id         TEXT    NOT NULL,
    learner_version  BIGINT NOT NULL,
    body             TEXT    NOT NULL,
    answer           TEXT    NOT NULL,
    created_at       TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, turn_id, iteration_number)
);

-- People's feedback, one row each; the whole of it is in the log.
CREATE TABLE feedback_events (
    position        BIGINT NOT NULL,              -- of the event that holds the whole of it
    item            INTEGER NOT NULL,              -- its place in that event, from 0
    tenant_id       TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    agent_id        TEXT    NOT NULL,
    conversation_id TEXT    NOT NULL,
    bundle_id       TEXT,
    reward          DOUBLE PRECISION,
    helpful         INTEGER NOT NULL,
    unhelpful       INTEGER NOT NULL,
    applied         INTEGER NOT NULL,
    reason          TEXT,
    learner_version BIGINT,                       -- after it was learned; null where nothing was
    created_at      TEXT    NOT NULL,
    PRIMARY KEY (position, item)
);
CREATE INDEX feedback_events_conversation ON feedback_events (tenant_id, conversation_id, created_at);

-- The first answer to each key, of one feedback or of a batch.
CREATE TABLE feedback_keys (
    tenant_id  TEXT NOT NULL,
    key        TEXT NOT NULL,
    answer     TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (tenant_id, key)
);

-- The ledger of tokens and money, as clients reported them.
CREATE TABLE token_usage (
    entry_id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id       TEXT    NOT NULL,
    agent_id        TEXT    NOT NULL,
    conversation_id TEXT,
    day             TEXT    NOT NULL,
    model           TEXT    NOT NULL,
    tokens          BIGINT NOT NULL,
    cost            DOUBLE PRECISION    NOT NULL,
    calls           INTEGER NOT NULL,
    created_at      TEXT    NOT NULL
);
CREATE INDEX token_usage_day ON token_usage (tenant_id, day);
