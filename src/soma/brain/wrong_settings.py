"""Settings that cannot be, told by their names in the environment."""

from collections.abc import Sequence
from typing import Any

from pydantic import AliasChoices, SecretStr, ValidationError
from pydantic_settings import BaseSettings

from soma.brain.learner_settings import LearnerSettings
from soma.brain.memory_settings import MemorySettings
from soma.brain.settings import BrainSettings
from soma.events.wording import wanted

GROUPS: tuple[type[BaseSettings], ...] = (BrainSettings, MemorySettings, LearnerSettings)


def told(error: ValidationError, groups: Sequence[type[BaseSettings]] = GROUPS) -> str:
    """The first fault, by the environment name of its setting."""
    first = error.errors()[0]
    place = str(first["loc"][0])
    group = next(group for group in groups if group.__name__ == error.title)
    name = names_of(group, place)[0] if place in group.model_fields else place
    given = str(first["input"])
    if any(name in names_of(group, field) and _is_secret(group, field) for field in group.model_fields):
        given = "***"
    elif "://" in given:
        given = f"{given.partition('://')[0]}://..."  # what follows may hold a password
    return f"the setting {name} cannot be {given!r}: {wanted(first)}"


def names_of(group: type[BaseSettings], field: str) -> list[str]:
    """The environment variables that set a field, the preferred one first."""
    alias: Any = group.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [f"{group.model_config.get('env_prefix', '')}{field.upper()}"]


def _is_secret(group: type[BaseSettings], field: str) -> bool:
    return group.model_fields[field].annotation is SecretStr
