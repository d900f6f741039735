-- What a person says of a turn, of each question one: the newest. Names and contents are digests.
CREATE TABLE standing_words (
    tenant_id   TEXT    NOT NULL,
    name        TEXT    NOT NULL,  -- of who says something of what
    said        TEXT    NOT NULL,
    feedback_id TEXT    NOT NULL,  -- whose first answer a repetition gets
    version     INTEGER NOT NULL,  -- of the learner, after it was learned
    day         TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, name)
) WITHOUT ROWID;

-- How much of what a person says was learned on a day.
CREATE TABLE person_days (
    tenant_id TEXT    NOT NULL,
    agent_id  TEXT    NOT NULL,
    user_id   TEXT    NOT NULL,
    day       TEXT    NOT NULL,
    question  TEXT    NOT NULL,    -- evidence, verdict, citation
    learned   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, agent_id, user_id, day, question)
) WITHOUT ROWID;

-- Versions of a learner that do not go on from the one before: rolled back to `back_to`, or without `left_out`.
CREATE TABLE learner_jumps (
    tenant_id TEXT    NOT NULL,
    agent_id  TEXT    NOT NULL,
    version   INTEGER NOT NULL,
    back_to   INTEGER,
    left_out  TEXT    NOT NULL,    -- JSON: versions
    PRIMARY KEY (tenant_id, agent_id, version)
) WITHOUT ROWID;

-- Every step of a memory's learned value, so that it can be worked out for any version.
CREATE TABLE value_steps (
    tenant_id TEXT    NOT NULL,
    agent_id  TEXT    NOT NULL,
    version   INTEGER NOT NULL,    -- of the learner, after it
    memory_id TEXT    NOT NULL,
    helpful   INTEGER NOT NULL,
    rate      REAL    NOT NULL,
    before    REAL    NOT NULL,    -- the value until then
    position  INTEGER NOT NULL,    -- in the log: the order among several learners
    PRIMARY KEY (tenant_id, agent_id, version, memory_id)
) WITHOUT ROWID;
CREATE INDEX value_steps_memory ON value_steps (tenant_id, memory_id, position, version);

-- The log's last event before steps were kept: of what was learned until then there are none.
CREATE TABLE value_start (
    position INTEGER NOT NULL
);
INSERT INTO value_start (position) SELECT COALESCE(MAX(position), 0) FROM events;
