"""Names that look like settings and are none."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from pydantic_settings import BaseSettings

from soma.agent.settings import Settings
from soma.brain import wrong_settings
from soma.brain.wrong_settings import names_of

GROUPS: tuple[type[BaseSettings], ...] = (Settings, *wrong_settings.GROUPS)
PREFIXES = ("SOMA_", "SA01_", "SOMABRAIN_")
OF_TESTS = "SOMA_TEST_"


def unknown(environment: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """Each with the nearest that is one."""
    known = [name for group in GROUPS for field in group.model_fields for name in names_of(group, field)]
    for name in sorted(environment):
        if name.startswith(PREFIXES) and not name.startswith(OF_TESTS) and name not in known:
            yield name, next(iter(get_close_matches(name, known, n=1)), None)
