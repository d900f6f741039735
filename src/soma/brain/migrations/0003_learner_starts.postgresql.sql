-- Where a replay of a learner starts, once what it was told before may go; the log says the same (`learning.erased`).
CREATE TABLE learner_starts (
    tenant_id      TEXT    NOT NULL,
    agent_id       TEXT    NOT NULL,
    version        BIGINT NOT NULL,  -- of the learner: the oldest that can be restored
    seq            BIGINT NOT NULL,  -- of its chain: the last event that the checkpoint covers
    checkpoint_seq BIGINT NOT NULL,  -- of its chain: the signed checkpoint
    erased_seq     BIGINT NOT NULL,  -- of its chain: how far the payloads have gone
    PRIMARY KEY (tenant_id, agent_id)
);
