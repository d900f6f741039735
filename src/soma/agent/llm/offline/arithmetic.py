"""The longest arithmetic span of a message, written as an expression. Pure."""

import ast
import re
from collections.abc import Iterator

from soma.agent.llm.offline.words import content_stems

SPOKEN = (
    (r"(?<=\d),(?=\d{3}\b)", ""),
    (r"(?<![\d.])(\d{1,15}(?:\.\d{1,15})?)\s*(?:%|percent)\s+of\s+(?=[\d(])", r"\1 / 100 * "),
    (r"\bsquare root of\s+(\d+(?:\.\d+)?)", r"sqrt(\1)"),
    (r"\bto the power of\b|\^", " ** "),
    (r"(?<=[\d)])\s*(?:\bplus\b)\s*(?=[-\d(s])", " + "),
    (r"(?<=[\d)])\s*(?:\bminus\b|−)\s*(?=[-\d(s])", " - "),
    (r"(?<=[\d)])\s*(?:\btimes\b|\bmultiplied by\b|×|(?<=\s)x(?=\s)|x(?=\d))\s*(?=[-\d(s])", " * "),
    (r"(?<=[\d)])\s*(?:\bdivided by\b|÷)\s*(?=[-\d(s])", " / "),
)
TOKEN = re.compile(r"\d+(?:\.\d+)?|\*\*|//|[-+*/%()]|\b(?:sqrt|abs|round|floor|ceil)\b(?=\s*\()")
DATE = re.compile(r"\d{1,4}\s*([-/])\s*\d{1,2}\s*\1\s*\d{1,4}")
AMBIGUOUS = re.compile(r"\d+(?:[-/]\d+)+")
MATHS = frozenset(content_stems("calculate compute result equal sum answer value work evaluate math solve"))
MAX_TRIMS = 12
MAX_LENGTH = 200


def written(message: str) -> str:
    """The message with spoken operators as signs: 12 times 12 becomes 12 * 12."""
    for pattern, replacement in SPOKEN:
        message = re.sub(pattern, replacement, message, flags=re.IGNORECASE)
    return message


def expression_in(message: str) -> str | None:
    text = written(message)
    runs = [run for run in _runs(text) if len(run) <= MAX_LENGTH and re.search(r"\d", run)]
    sound = [span for run in runs if (span := _sound(run))]
    spans = [span for span in sound if not DATE.fullmatch(span)]
    if any(map(AMBIGUOUS.fullmatch, spans)) and _asks_else(text):
        spans = [span for span in spans if not AMBIGUOUS.fullmatch(span)]
    return max(spans, key=len, default=None)


def _runs(text: str) -> Iterator[str]:
    """Neighbouring arithmetic tokens with nothing but blanks between them."""
    start = end = -1
    for token in TOKEN.finditer(text):
        if start < 0 or text[end : token.start()].strip():
            if start >= 0:
                yield text[start:end]
            start = token.start()
        end = token.end()
    if start >= 0:
        yield text[start:end]


def _sound(run: str) -> str | None:
    """The run without what hangs over at its ends, if it then is an operation on numbers."""
    for _ in range(MAX_TRIMS):
        run = run.strip()
        try:
            tree = ast.parse(run, mode="eval")
        except (SyntaxError, ValueError):
            run = _trim(run)
            continue
        return run if isinstance(tree.body, ast.BinOp | ast.Call) else None
    return None


def _trim(run: str) -> str:
    if run.count(")") > run.count("(") and run.endswith(")"):
        return run[:-1]
    if run.count("(") > run.count(")") and run.startswith("("):
        return run[1:]
    return run[:-1] if run and not run[-1].isdigit() and run[-1] != ")" else run[1:]


def _asks_else(text: str) -> bool:
    """Whether something else than a sum is asked: 24/7 and 10-12 are sums only where nothing is."""
    return any(stem not in MATHS and not stem.isdigit() for stem in content_stems(text))
