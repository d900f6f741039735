-- The chunks of one document, found again when it is imported anew.
CREATE INDEX memories_thread ON memories (tenant_id, namespace, scope_owner, conversation_id, occurred_at)
    WHERE forgotten_at IS NULL AND conversation_id IS NOT NULL;
