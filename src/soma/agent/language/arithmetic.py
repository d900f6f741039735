"""Sums in a message: the longest arithmetic span, written as an expression. Pure."""

import ast
import re
from collections.abc import Iterator

from soma.agent.language.stems import content_stems

NUMBER = r"\d{1,15}(?:\.\d{1,15})?"
PERCENT = r"\s*(?:%|percent\b)(?!\s*[\d(])"
THOUSANDS = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w,])")
SPOKEN = (
    (r"(?<![\w.,])(\d+),(\d{1,2}|\d{4,15})(?![\w,])", r"\1.\2"),
    (rf"(?<![\w.,])({NUMBER})\s*(?:%|percent)\s+of\s+(?=[\d(])", r"\1 / 100 * "),
    (rf"\bhalf of\s+({NUMBER})(?![\w.,]\d)", r"(\1 / 2)"),
    (rf"\bsquare root of\s+({NUMBER})", r"sqrt(\1)"),
    (r"\bsquare root of\s*(?=\()", "sqrt"),
    (r"\bto the power of\b|\^", " ** "),
    (r"(?<=[\d)])\s*(?:\bplus\b)\s*(?=[-\d(s])", " + "),
    (r"(?<=[\d)])\s*(?:\bminus\b|−)\s*(?=[-\d(s])", " - "),
    (r"(?<=[\d)])\s*(?:\btimes\b|\bmultiplied by\b|×|(?<=\s)x(?=\s)|(?<!\b0)x(?=\d))\s*(?=[-\d(s])", " * "),
    (r"(?<=[\d)])\s*(?:\bdivided by\b|÷)\s*(?=[-\d(s])", " / "),
    (rf"(?<![\w.,])({NUMBER})\s*([-+])\s*({NUMBER}){PERCENT}", r"\1 * (1 \2 \3 / 100)"),
    (rf"(?<=[*/])\s*({NUMBER}){PERCENT}", r" (\1 / 100)"),
)
TOKEN = re.compile(r"\d+(?:\.\d+)?|\*\*|//|[-+*/%()]|\b(?:sqrt|abs|round|floor|ceil)\b(?=\s*\()")
DATE = re.compile(r"\d{1,4}\s*([-/])\s*\d{1,2}\s*\1\s*\d{1,4}")
AMBIGUOUS = re.compile(r"\(?\d+(?:[-/]\d+)+\)?")
YEARS = re.compile(r"\b(?:in|from|between|during|since|for)\s+[12]\d{3}\s*[-–]\s*[12]\d{3}\b", re.IGNORECASE)
TOUCHES_BEFORE = re.compile(r"[^\W]$|[.,:;$€£#§°'_/@-]$|[)\]}]$")
TOUCHES_AFTER = re.compile(r"[\w(%°€$£#@/:]|[.,;'_]\d")
MATHS = frozenset(content_stems("calculate compute result equal sum answer value work evaluate math solve"))
ASKING = frozenset(
    content_stems("please tell ist wie viel wieviel was ergibt rechne combien font fait cuánto cuanto es son")
)
MAX_TRIMS = 12
MAX_LENGTH = 200


def spell_as_signs(message: str) -> str:
    """Write spoken operators as signs: 12 times 12 becomes 12 * 12."""
    message = THOUSANDS.sub(lambda found: found[0].replace(",", ""), message)
    for pattern, replacement in SPOKEN:
        message = re.sub(pattern, replacement, message, flags=re.IGNORECASE)
    return message


def expression_in(message: str) -> str | None:
    """Return the longest sum in a message, as an expression that Python can parse."""
    text = YEARS.sub(" ", spell_as_signs(message))
    runs = [run for run in _runs(text) if len(run) <= MAX_LENGTH and re.search(r"\d", run)]
    sound = [span for run in runs if (span := _trim_to_operation(run))]
    spans = [span for span in sound if not DATE.fullmatch(span)]
    if any(map(AMBIGUOUS.fullmatch, spans)) and _asks_else(text):
        spans = [span for span in spans if not AMBIGUOUS.fullmatch(span)]
    return max(spans, key=len, default=None)


def is_only_a_sum(message: str) -> bool:
    """Return whether a message asks for a sum and nothing else. 555-1234 may also be a number to look up."""
    expression = expression_in(message)
    if expression is None or AMBIGUOUS.fullmatch(expression):
        return False
    return MATHS.union(ASKING).issuperset(content_stems(spell_as_signs(message).replace(expression, " ")))


def _runs(text: str) -> Iterator[str]:
    """Yield runs of neighbouring arithmetic tokens with only blanks between them.

    A run that touches other characters is skipped: no part of 1e3 * 2 or 10:30 - 11:45 is a sum.
    """
    start = end = -1
    for token in [*TOKEN.finditer(text), None]:
        if token is None or start < 0 or text[end : token.start()].strip():
            if start >= 0 and not TOUCHES_BEFORE.search(text[:start][-1:]) and not TOUCHES_AFTER.match(text, end):
                yield text[start:end]
            start = -1 if token is None else token.start()
        end = -1 if token is None else token.end()


def _trim_to_operation(run: str) -> str | None:
    """Trim a run at its ends until it parses as an operation on numbers; None if it never does."""
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
    """Return whether a text asks for more than a sum: 24/7 and 10-12 are sums only where nothing else is asked."""
    return any(stem not in MATHS and not stem.isdigit() for stem in content_stems(text))
