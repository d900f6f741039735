-- The state of a partition: how many memories, the sum of their revisions. What is kept of it stands for one state.
CREATE INDEX memories_revision ON memories (tenant_id, namespace, scope_owner, revision) WHERE forgotten_at IS NULL;
-- Learned values, few among many memories.
CREATE INDEX memories_valued ON memories (tenant_id, namespace, scope_owner, id, value)
    WHERE forgotten_at IS NULL AND value <> 0.5;
-- The links of a tenant, few among many memories.
CREATE INDEX memory_links_tenant ON memory_links (tenant_id);
