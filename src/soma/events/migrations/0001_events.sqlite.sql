-- The log is the outbox: consumers are cursors over `position`, which has no gaps.
CREATE TABLE events (
    position              INTEGER PRIMARY KEY,
    tenant_id             TEXT    NOT NULL,
    stream                TEXT    NOT NULL,  -- one chain: turn:<id>, learner:<agent>, memory
    seq                   INTEGER NOT NULL,  -- from 1, without gaps within the stream
    event_id              TEXT    NOT NULL,
    event_type            TEXT    NOT NULL,
    version               INTEGER NOT NULL,
    user_id               TEXT,
    agent_id              TEXT,
    conversation_id       TEXT,
    conversation_position INTEGER,           -- from 1, without gaps within the conversation: what clients resume by
    turn_id               TEXT,
    timestamp             TEXT    NOT NULL,
    payload               TEXT,              -- the stored bytes; null once erased
    payload_hash          TEXT    NOT NULL,
    prev_hash             TEXT    NOT NULL,
    hash                  TEXT    NOT NULL
);
CREATE UNIQUE INDEX events_stream ON events (tenant_id, stream, seq);
CREATE UNIQUE INDEX events_conversation ON events (tenant_id, conversation_id, conversation_position)
    WHERE conversation_id IS NOT NULL;

CREATE TABLE cursors (
    consumer   TEXT    NOT NULL,
    partition  INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    PRIMARY KEY (consumer, partition)
);
