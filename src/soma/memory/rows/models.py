"""The tables `memory_models` (how each embedding model was chosen) and `memory_tenants` (whose vectors answer)."""

from soma.events.database import Reader
from soma.events.transaction import Transaction


def read_choices(reader: Reader) -> list[str]:
    """Return the choice of each model as JSON text, without keys."""
    return [text for (text,) in reader.query("SELECT choice FROM memory_models ORDER BY model")]


def write_choice(transaction: Transaction, model: str, choice: str) -> None:
    transaction.execute(
        "INSERT INTO memory_models (model, choice) VALUES (?, ?) "
        "ON CONFLICT (model) DO UPDATE SET choice = excluded.choice",
        [model, choice],
    )


def read_tenant_model(reader: Reader, tenant_id: str) -> str | None:
    found = reader.query("SELECT model FROM memory_tenants WHERE tenant_id = ?", [tenant_id])
    return str(found[0][0]) if found else None


def write_tenant_model(transaction: Transaction, tenant_id: str, model: str) -> None:
    transaction.execute(
        "INSERT INTO memory_tenants (tenant_id, model) VALUES (?, ?) "
        "ON CONFLICT (tenant_id) DO UPDATE SET model = excluded.model",
        [tenant_id, model],
    )
