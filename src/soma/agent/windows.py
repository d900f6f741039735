"""Windows of models in tokens: as set by the operator, else as their makers state, else unknown (pure)."""

from collections.abc import Mapping

MADE = {  # by how the last part of a model's name begins; the longest beginning counts
    "gpt-3.5-turbo": 16_385,
    "gpt-4": 8_192,
    "gpt-4-turbo": 128_000,
    "gpt-4o": 128_000,
    "gpt-4.1": 1_047_576,
    "gpt-5": 400_000,
    "o1": 200_000,
    "o3": 200_000,
    "o4": 200_000,
    "claude": 200_000,
    "gemini": 1_048_576,
}


def windows_of(setting: str) -> dict[str, int]:
    """Parse `openai/qwen2.5:7b=4096, groq/other=8192` to a table. Raises ValueError for a malformed pair."""
    windows: dict[str, int] = {}
    for pair in filter(None, (piece.strip() for piece in setting.split(","))):
        name, _, tokens = (side.strip() for side in pair.rpartition("="))
        if not (name and tokens.isascii() and tokens.isdecimal() and int(tokens)):
            raise ValueError(f"must be pairs of a model and its tokens, like `openai/qwen2.5:7b=4096`, not {pair!r}")
        windows[name] = int(tokens)
    return windows


def window_of(name: str, known: Mapping[str, int]) -> int | None:
    """Return the window of a model, named as in SOMA_DEFAULT_MODEL; None where it is unknown."""
    if name in known:
        return known[name]
    own = name.rpartition("/")[2]
    return next((MADE[start] for start in sorted(MADE, key=len, reverse=True) if own.startswith(start)), None)
