"""JSON values of every type, including those that break programs. Pure."""

from math import isfinite
from random import Random
from typing import Any

NUMBERS: tuple[Any, ...] = (
    0, 1, -1, -35, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**40, 0.5, -0.0, 1e308, -1e308, 5e-324,
    float("nan"), float("inf"), float("-inf"),
)  # fmt: skip
TEXTS = (
    "", " ", "x", "5", "null", "[DONE]", "a\x00b", "\ud83d", "\ude00", "\ufeff", "\u2028", "\x1b[2J", "\U0001f600",
    "%s", "'; DROP", "../..", "<think>", "x" * 300, "y" * 5_000, "\x00" * 3, "{", "}", '{"a":1}',
)  # fmt: skip


def any_value(random: Random, depth: int = 2) -> Any:
    """Make a value of any JSON type; `depth` bounds how deep lists and objects go."""
    kinds = (
        ("null", "bool", "number", "text", "text", "list", "object") if depth else ("null", "bool", "number", "text")
    )
    match random.choice(kinds):
        case "null":
            return None
        case "bool":
            return random.random() < 0.5
        case "number":
            return random.choice(NUMBERS)
        case "text":
            return random.choice(TEXTS)
        case "list":
            return [any_value(random, depth - 1) for _ in range(random.randrange(4))]
        case _:
            return {random.choice(TEXTS): any_value(random, depth - 1) for _ in range(random.randrange(4))}


def mutate(random: Random, value: Any, chance: float) -> Any:
    """Return `value` with parts replaced by any value, dropped or doubled, each with the given chance."""
    if random.random() < chance:
        return any_value(random)
    if isinstance(value, dict):
        rest = {name: mutate(random, inner, chance) for name, inner in value.items() if random.random() >= chance / 2}
        return rest | ({random.choice(TEXTS): any_value(random)} if random.random() < chance else {})
    if isinstance(value, list):
        changed = [mutate(random, inner, chance) for inner in value]
        return changed * 2 if random.random() < chance / 2 else changed
    return value


def find_unstorable(value: Any, depth: int = 60) -> str | None:
    """Name a part of a value that some storage refuses: NUL, half surrogates, NaN, infinity, too many levels."""
    match value:
        case _ if depth == 0:
            return "too many levels"
        case str():
            return next(
                (f"{sign!r} in a text" for sign in value if sign == "\x00" or "\ud800" <= sign <= "\udfff"), None
            )
        case float() if not isfinite(value):
            return str(value)
        case dict():
            inner = (*value, *value.values())
        case list() | tuple():
            inner = tuple(value)
        case _:
            return None
    return next((found for one in inner if (found := find_unstorable(one, depth - 1))), None)
