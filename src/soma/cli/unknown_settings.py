"""The settings of the whole product, and names that look like one and are none."""

from collections.abc import Iterator, Mapping

from pydantic_settings import BaseSettings

from soma.agent.settings import Settings
from soma.brain import wrong_settings

GROUPS: tuple[type[BaseSettings], ...] = (Settings, *wrong_settings.GROUPS)
PREFIXES = ("SOMA_", "SA01_", "SOMABRAIN_")
OF_TESTS = "SOMA_TEST_"


def unknown(environment: Mapping[str, str]) -> Iterator[str]:
    """A sentence each, with the nearest that is one."""
    meant = {name: value for name, value in environment.items() if not name.startswith(OF_TESTS)}
    return wrong_settings.unknown(meant, GROUPS, PREFIXES)
