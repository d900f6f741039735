-- What a person says of a turn, of each question one: the newest. Names and contents are digests.
CREATE TABLE standing_words (
    tenant_id   TEXT    NOT NULL,
    name        TEXT    NOT NULL,  -- of who says something of what
    said        TEXT    NOT NULL,
    feedback_id TEXT    NOT NULL,  -- whose first answer a repetition gets
    version     BIGINT  NOT NULL,  -- of the learner, after it was learned
    day         TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- How much of what a person says was learned on a day.
CREATE TABLE person_days (
    tenant_id TEXT    NOT NULL,
    agent_id  TEXT    NOT NULL,
    user_id   TEXT    NOT NULL,
    day       TEXT    NOT NULL,
    question  TEXT    NOT NULL,    -- evidence, verdict, citation
    learned   BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, agent_id, user_id, day, question)
);

-- Versions of a learner that do not go on from the one before: rolled back to `back_to`, or without `left_out`.
CREATE TABLE learner_jumps (
    tenant_id TEXT    NOT NULL,
    agent_id  TEXT    NOT NULL,
    version   BIGINT  NOT NULL,
    back_to   BIGINT,
    left_out  TEXT    NOT NULL,    -- JSON: versions
    PRIMARY KEY (tenant_id, agent_id, version)
);

-- Every step of a memory's learned value, so that it can be worked out for any version.
CREATE TABLE value_steps (
    tenant_id TEXT    NOT NULL,
    agent_id  TEXT    NOT NULL,
    version   BIGINT  NOT NULL,    -- of the learner, after it
    memory_id TEXT    NOT NULL,
    helpful   BIGINT  NOT NULL,
    rate      DOUBLE PRECISION NOT NULL,
    before    DOUBLE PRECISION NOT NULL,    -- the value until then
    position  BIGINT  NOT NULL,    -- in the log: the order among several learners
    PRIMARY KEY (tenant_id, agent_id, version, memory_id)
);
CREATE INDEX value_steps_memory ON value_steps (tenant_id, memory_id, position, version);

-- The log's last event before steps were kept: of what was learned until then there are none.
CREATE TABLE value_start (
    position BIGINT NOT NULL
);
INSERT INTO value_start (position) SELECT COALESCE(MAX(position), 0) FROM events;
