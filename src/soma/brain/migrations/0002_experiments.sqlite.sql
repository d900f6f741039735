-- Experiments on the prior of one learner. What was created, decided and promoted is in the log as well; who was in
-- which arm, and what came of it, is here.

CREATE TABLE experiments (
    experiment_id TEXT    NOT NULL PRIMARY KEY,  -- time-ordered
    tenant_id     TEXT    NOT NULL,
    agent_id      TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    hypothesis    TEXT    NOT NULL,
    metric        TEXT    NOT NULL,              -- reward, reciprocal_rank or recorded
    design        TEXT    NOT NULL,              -- JSON: arms, method, planned, share
    status        TEXT    NOT NULL,              -- running, promoted, kept or stopped
    proposed_by   TEXT    NOT NULL,              -- a user, or `coordinator`
    created_at    TEXT    NOT NULL,
    decided_at    TEXT,
    UNIQUE (tenant_id, agent_id, name)
) WITHOUT ROWID;
CREATE INDEX experiments_running ON experiments (tenant_id, agent_id, status);

CREATE TABLE experiment_assignments (
    experiment_id TEXT NOT NULL,
    subject       TEXT NOT NULL,
    arm           TEXT NOT NULL,
    assigned_at   TEXT NOT NULL,
    PRIMARY KEY (experiment_id, subject)
) WITHOUT ROWID;

CREATE TABLE experiment_outcomes (
    experiment_id TEXT NOT NULL,
    key           TEXT NOT NULL,                 -- of the feedback or record: told twice, counted once
    subject       TEXT NOT NULL,
    arm           TEXT NOT NULL,
    value         REAL NOT NULL,
    recorded_at   TEXT NOT NULL,
    PRIMARY KEY (experiment_id, key)
) WITHOUT ROWID;

CREATE TABLE experiment_verdicts (
    verdict_id    TEXT NOT NULL PRIMARY KEY,     -- time-ordered
    experiment_id TEXT NOT NULL,
    call          TEXT NOT NULL,
    winner        TEXT,
    content       TEXT NOT NULL,                 -- JSON: reason, samples, t, df, p, d
    decided_at    TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX experiment_verdicts_experiment ON experiment_verdicts (experiment_id, verdict_id);

-- The rolling score of each learner at the coordinator's polls: what its trend is fitted to.
CREATE TABLE learner_scores (
    tenant_id       TEXT    NOT NULL,
    agent_id        TEXT    NOT NULL,
    learner_version INTEGER NOT NULL,
    score           REAL    NOT NULL,
    at              TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, agent_id, learner_version)
) WITHOUT ROWID;
