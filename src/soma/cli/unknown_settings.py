"""The settings of the whole product, and names that look like one and are none."""

from collections.abc import Iterator, Mapping

from pydantic_settings import BaseSettings

from soma.agent.settings import Settings
from soma.brain.settings import errors

GROUPS: tuple[type[BaseSettings], ...] = (Settings, *errors.GROUPS)
PREFIXES = ("SOMA_", "SA01_", "SOMABRAIN_")
OF_TESTS = "SOMA_TEST_"


def unknown(environment: Mapping[str, str]) -> Iterator[str]:
    """A sentence each, with the nearest that is one."""
    meant = {name: value for name, value in environment.items() if not name.startswith(OF_TESTS)}
    return errors.unknown(meant, GROUPS, PREFIXES)
