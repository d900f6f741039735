"""Messages for invalid values and unknown names of settings, by the names that they have in the environment."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import AliasChoices, SecretStr, ValidationError
from pydantic_settings import BaseSettings

from soma.brain.settings import BrainSettings
from soma.brain.settings.learner import LearnerSettings
from soma.brain.settings.memory import MemorySettings
from soma.validation.pydantic_errors import describe_requirement

GROUPS: tuple[type[BaseSettings], ...] = (BrainSettings, MemorySettings, LearnerSettings)
PREFIXES = ("SOMABRAIN_", "SOMA_BRAIN_")  # what else begins with SOMA_ may be the agent's


def describe_fault(error: ValidationError, groups: Sequence[type[BaseSettings]] = GROUPS) -> str:
    """Describe the first fault, by the environment name of its setting; a secret is not repeated."""
    first = error.errors()[0]
    place = str(first["loc"][0])
    group = next(group for group in groups if group.__name__ == error.title)
    name = names_of(group, place)[0] if place in group.model_fields else place
    given = str(first["input"])
    if any(name in names_of(group, field) and _is_secret(group, field) for field in group.model_fields):
        given = "***"
    elif "://" in given:
        given = f"{given.partition('://')[0]}://..."  # what follows may hold a password
    return f"the setting {name} cannot be {given!r}: {describe_requirement(first)}"


def find_unknown(
    environment: Mapping[str, str],
    groups: Sequence[type[BaseSettings]] = GROUPS,
    prefixes: tuple[str, ...] = PREFIXES,
) -> Iterator[str]:
    """Yield a message for each unknown setting of `environment`, with the known name that is most alike."""
    known = [name for group in groups for field in group.model_fields for name in names_of(group, field)]
    for name in sorted(environment):
        if name.startswith(prefixes) and name not in known:
            nearest = _nearest(name, known, prefixes)
            yield f"unknown setting {name}{f'; did you mean {nearest}?' if nearest else ''}"


def _nearest(name: str, known: Sequence[str], prefixes: tuple[str, ...]) -> str | None:
    """Return the known name most alike, compared without prefixes, for these make any two alike."""

    def own(full: str) -> str:
        return full.removeprefix(next((prefix for prefix in prefixes if full.startswith(prefix)), ""))

    alike = get_close_matches(own(name), {own(one) for one in known}, n=1)
    return next(iter(get_close_matches(name, [one for one in known if own(one) in alike], n=1, cutoff=0.0)), None)


def names_of(group: type[BaseSettings], field: str) -> list[str]:
    """Return the environment variables that set a field, the preferred one first."""
    alias: Any = group.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [f"{group.model_config.get('env_prefix', '')}{field.upper()}"]


def _is_secret(group: type[BaseSettings], field: str) -> bool:
    return group.model_fields[field].annotation is SecretStr
