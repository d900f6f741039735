"""Kinds of odd texts, of any length, that may make patterns and loops take quadratic time. Pure."""

from collections.abc import Callable
from random import Random

UNITS = (
    "a", " ", "\t", "\n", "\r\n", "\n\n", ".", ". ", "...", "? ", "!", ",", ";", ":", "|", "|-", "[", "](", "[1]",
    "(", ")", "{", "}", "<", ">", "<!--", "-->", "`", "```", "~~~\n", "*", "**", "_", "__", "#", "# ", "-", "--",
    "---\n", "- ", "  - ", "1", "1.", "12,", "1/2/", "2024-01-01 ", "10-", "=", "+", "%", "^", "$", "&", "@", "a@b.",
    "/", "./", "\\", "\\u", "\\ud83d", '"', "'", "’", '."', "A. ", "no. ", "e.g. ", "Dr. ", "I am ", "x ", "and ",
    "please ", "now, ", "in ", "ignore ", "forget ", "remember that ", "the ", "May ", "3 May 2024 ", "last monday ",
    "three ", "sqrt(", "2**", "one two three four ", "word", "Word ", "é", "é", "́", "ß", "İ", "ก", "中", "の", "한",
    "س", "\u200b", "\xad", "\u2028", "\x00", "\x1b[", "😀", "👩\u200d", "🏽", "\U000e0041", "data: ", "data: {}\n",
    "event: ", '{"a":', "[[", "CALL x ", "- (a, 2024-01-01) ",
)  # fmt: skip
EDGES = (
    "", "", "a", " ", "\n", "# ", "a|b\n", "|x\n\ntext", "x", "```\n", "[", "](x)", "data: ", ".", "?", "- ", "<!-- ",
    "-->", "=", "\n---\n", '"',
)  # fmt: skip

Kind = Callable[[int], str]


def random_kind(random: Random) -> tuple[str, Kind]:
    """Make a kind and its description: a few units repeated, with something before and after."""
    unit = "".join(random.choice(UNITS) for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5))))
    head, tail = random.choice(EDGES), random.choice(EDGES)
    second = random.choice(UNITS) if random.random() < 0.3 else ""  # the second half of another unit
    return f"{head!r} + n * {unit!r} + n * {second!r} + {tail!r}", kind(unit, head=head, tail=tail, second=second)


def kind(unit: str, *, head: str = "", tail: str = "", second: str = "") -> Kind:
    """Make a kind: a function from a length to a text of about as many characters."""

    def text(length: int) -> str:
        half = length // 2 if second else length
        return head + unit * max(1, half // len(unit)) + (second * max(1, half // len(second)) if second else "") + tail

    return text
