"""The page docs/configuration.md, generated from the settings: `make docs`."""

import sys
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from soma.agent.settings import Settings
from soma.brain.settings import BrainSettings
from soma.brain.settings.errors import names_of
from soma.brain.settings.learner import LearnerSettings
from soma.brain.settings.memory import MemorySettings

HEAD = """# Configuration

Every setting is an environment variable, read once at start. This page is generated from the settings themselves by
`make docs`; a test fails where it differs. Secrets are never logged.
"""
NOTHING = "(empty)"


def render_page() -> str:
    """Return the whole page."""
    sections: dict[str, type[BaseSettings]] = {
        "Agent (`soma up`)": Settings,
        "Brain and memory": BrainSettings,
        "Memory's upkeep": MemorySettings,
        "The learner": LearnerSettings,
    }
    return "\n".join([HEAD, *("\n".join(_section(title, group)) for title, group in sections.items())]) + "\n"


def _section(title: str, group: type[BaseSettings]) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| name | default | bounds | meaning |"
    yield "|---|---|---|---|"
    for name, field in group.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseSettings):
            continue  # a group of its own
        names = " or ".join(f"`{known}`" for known in names_of(group, name))
        secret = " Secret." if field.annotation is SecretStr else ""
        yield f"| {names} | {_default(field)} | {_bounds(field)} | {field.description}{secret} |"
    yield ""


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "`~/.local/share/soma`"
    value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
    return f"`{value}`" if value not in (None, "") else NOTHING


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found: list[str] = []
    for constraint in field.metadata:
        found += [
            f"{sign} {_number(getattr(constraint, name))}" for name, sign in signs.items() if hasattr(constraint, name)
        ]
    return ", ".join(found)


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.stdout.write(render_page())
