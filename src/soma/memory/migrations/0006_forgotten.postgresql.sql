-- Whether a namespace without a living memory ever held one that the caller could see.
CREATE INDEX memories_forgotten ON memories (tenant_id, namespace, scope_owner) WHERE forgotten_at IS NOT NULL;
