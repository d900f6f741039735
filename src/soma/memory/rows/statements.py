"""Conditions that the SQL of several tables shares."""

LIVING = "m.forgotten_at IS NULL AND m.tenant_id = ? AND m.namespace = ?"
VISIBLE = f"{LIVING} AND m.scope_owner IN (?, ?, ?)"
