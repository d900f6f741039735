-- What was distilled from what, so that it can be undone. Lists are JSON; `links` as in the event memory.consolidated.
CREATE TABLE memory_consolidations (
    id           TEXT NOT NULL PRIMARY KEY,
    tenant_id    TEXT NOT NULL,
    namespace    TEXT NOT NULL,
    scope_owner  TEXT NOT NULL,
    phase        TEXT NOT NULL,                  -- nrem, rem
    made         TEXT NOT NULL,
    sources      TEXT NOT NULL,
    links        TEXT NOT NULL,
    method       TEXT NOT NULL,                  -- extractive, model
    created_at   TEXT NOT NULL,
    undone_at    TEXT
);
CREATE INDEX memory_consolidations_place ON memory_consolidations (tenant_id, namespace, scope_owner, created_at);
