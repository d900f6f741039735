"""The window of a model in tokens: as somebody told it, else as its maker says, else unknown (pure)."""

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
    """`openai/qwen2.5:7b=4096, groq/other=8192` as a table. Raises ValueError for what is none."""
    told: dict[str, int] = {}
    for pair in filter(None, (piece.strip() for piece in setting.split(","))):
        name, _, tokens = (side.strip() for side in pair.rpartition("="))
        if not (name and tokens.isascii() and tokens.isdecimal() and int(tokens)):
            raise ValueError(f"must be pairs of a model and its tokens, `openai/qwen2.5:7b=4096`; {pair!r} is none")
        told[name] = int(tokens)
    return told


def window_of(name: str, told: Mapping[str, int]) -> int | None:
    """The window of the model of that name, as in SOMA_DEFAULT_MODEL; None where nobody knows it."""
    if name in told:
        return told[name]
    own = name.rpartition("/")[2]
    return next((MADE[start] for start in sorted(MADE, key=len, reverse=True) if own.startswith(start)), None)
