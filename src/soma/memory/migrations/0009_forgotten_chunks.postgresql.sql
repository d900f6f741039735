-- Digests of chunks that people forgot: an import of a file that still holds them leaves them out.
CREATE TABLE memory_forgotten_chunks (
    tenant_id   TEXT NOT NULL,
    namespace   TEXT NOT NULL,
    scope_owner TEXT NOT NULL,
    digest      TEXT NOT NULL,
    PRIMARY KEY (tenant_id, namespace, scope_owner, digest)
);
