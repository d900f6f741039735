-- Which documents there are. Several that say the same share a thread: the conversation that their chunks are.
CREATE TABLE memory_documents (
    id          TEXT    NOT NULL PRIMARY KEY,
    tenant_id   TEXT    NOT NULL,
    namespace   TEXT    NOT NULL,
    scope_owner TEXT    NOT NULL,
    collection  TEXT    NOT NULL,                -- empty: from before there were any, until it is imported again
    name        TEXT    NOT NULL,
    origin      TEXT    NOT NULL,                -- digests of the folders on its way; empty where it lay on no disk
    thread      TEXT    NOT NULL,
    digest      TEXT    NOT NULL,                -- of its text; empty while not known, or not yet wholly imported
    format      TEXT    NOT NULL,
    user_id     TEXT    NOT NULL,                -- who imported it
    imported_at TEXT    NOT NULL
);
CREATE UNIQUE INDEX memory_documents_place ON memory_documents (tenant_id, namespace, scope_owner, collection, name)
    WHERE collection <> '';
CREATE INDEX memory_documents_name ON memory_documents (tenant_id, namespace, scope_owner, name);
CREATE INDEX memory_documents_origin ON memory_documents (tenant_id, namespace, scope_owner, origin);
CREATE INDEX memory_documents_digest ON memory_documents (tenant_id, namespace, scope_owner, digest);
CREATE INDEX memory_documents_thread ON memory_documents (tenant_id, namespace, scope_owner, thread);

INSERT INTO memory_documents
SELECT MIN(id), tenant_id, namespace, scope_owner, '', substr(conversation_id, 10), '', conversation_id, '', '',
       MIN(user_id), MAX(updated_at)
FROM memories
WHERE forgotten_at IS NULL AND conversation_id LIKE 'document:%'
GROUP BY tenant_id, namespace, scope_owner, conversation_id;
