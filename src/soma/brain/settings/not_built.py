"""Settings of parts that are planned and not built: a start with one is refused, because nothing would obey it."""

from collections.abc import Mapping

PARTS = {"SOMA_KAFKA_BOOTSTRAP": "Kafka", "SOMA_OPA_URL": "OPA", "SOMA_SPICEDB_": "SpiceDB", "SOMA_VAULT_": "Vault"}


def find_not_built(environment: Mapping[str, str]) -> str | None:
    """Return a message for the first such setting that is not empty; None if there is none."""
    for name in sorted(environment):
        for beginning, part in PARTS.items():
            is_meant = name.startswith(beginning) if beginning.endswith("_") else name == beginning
            if is_meant and environment[name]:
                return f"{name} is set, and {part} is not built yet: unset it, or nothing would do what it asks"
    return None
