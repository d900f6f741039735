"""Environment variables that look like settings of Soma but are not."""

from collections.abc import Iterator, Mapping

from pydantic_settings import BaseSettings

from soma.agent.settings import Settings
from soma.brain.settings import errors

GROUPS: tuple[type[BaseSettings], ...] = (Settings, *errors.GROUPS)
PREFIXES = ("SOMA_", "SA01_", "SOMABRAIN_")
TEST_PREFIX = "SOMA_TEST_"


def unknown_settings(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each unknown name, with the setting that it resembles."""
    ours = {name: value for name, value in environment.items() if not name.startswith(TEST_PREFIX)}
    return errors.find_unknown(ours, GROUPS, PREFIXES)
