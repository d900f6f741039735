"""The calculator: exact arithmetic on a syntax tree. Nothing is evaluated as code; every size has a limit."""

import ast
import math
import operator
import sys
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from soma.agent.tools.base import ToolContext, ToolFailed, ToolResult

MAX_LENGTH = 500
MAX_BITS = 4096
MAX_DEPTH = 50
MAX_DIGITS = 300  # round(1, -10**9) would build ten to that power
LARGEST_FLOAT = Fraction(sys.float_info.max)
SHOWN = 12  # digits of a number that never ends
SMALLEST_PLAIN = Decimal("1e-9")  # a smaller number is written with its power of ten
SIGNS = str.maketrans({"×": "*", "÷": "/", "−": "-", "·": "*"})

Number = int | Fraction | float


def _clamp(digits: Any) -> Any:
    return max(-MAX_DIGITS, min(MAX_DIGITS, digits))


def _divide(left: Any, right: Any) -> Any:
    return left / right if isinstance(left, float) or isinstance(right, float) else Fraction(left) / Fraction(right)


def _root(value: Any) -> Any:
    """Return the square root, exact where possible: the root of 2.25 is 1.5."""
    exact = Fraction(value) if not isinstance(value, float) else None
    if exact is not None and exact >= 0:
        root = Fraction(math.isqrt(exact.numerator), math.isqrt(exact.denominator))
        if root * root == exact:
            return root
    return math.sqrt(value)


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and exponent < 0:
        return Fraction(base) ** exponent
    return base**exponent


BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divide,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "ceil": math.ceil,
    "floor": math.floor,
    "max": max,
    "min": min,
    "round": lambda value, digits=None: round(value, digits if digits is None else _clamp(digits)),
    "sqrt": _root,
}
CONSTANTS = {"pi": math.pi, "e": math.e}

PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "expression": {
            "type": "string",
            "format": "expression",
            "minLength": 1,
            "maxLength": MAX_LENGTH,
            "description": "For example 23*19 + 7. Operators + - * / // % **, sqrt, abs, round, min, max.",
        },
    },
    "required": ["expression"],
    "additionalProperties": False,
}


class CalculatorTool:
    name = "calculator"
    description = "Calculate an arithmetic expression: sum, product, difference, power, square root."
    parameters = PARAMETERS
    category = "compute"
    idempotent = True
    egress = False
    timeout_seconds = 2.0

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:  # noqa: ARG002
        return ToolResult(content=render(calculate(arguments["expression"])))


def calculate(expression: str) -> Number:
    if len(expression) > MAX_LENGTH:
        raise ToolFailed(f"the expression is longer than {MAX_LENGTH} characters")
    try:
        written = expression.strip().translate(SIGNS).replace("^", "**")
        return _check_size(_value(ast.parse(written, mode="eval").body, written, 0))
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ToolFailed(f"{expression!r} is not an arithmetic expression") from error
    except ZeroDivisionError as error:
        raise ToolFailed("division by zero") from error
    except OverflowError as error:
        raise ToolFailed("the result is too large") from error
    except (ValueError, TypeError) as error:
        raise ToolFailed(f"{expression!r} cannot be calculated: {error}") from error


def render(value: Number) -> str:
    """Write all digits of an exact decimal; of other numbers, as many as matter, without the noise of binary floats."""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else format(value, f".{SHOWN}g")
    if value.denominator == 1:
        return str(value.numerator)
    whole = len(str(abs(int(value))))
    ends = _digits_after_point(value.denominator)
    with localcontext() as context:
        context.prec = whole + ends if ends is not None else max(SHOWN, whole + 2)
        shown = Decimal(value.numerator) / Decimal(value.denominator)
    return format(shown, "f") if abs(shown) >= SMALLEST_PLAIN else str(shown.normalize()).lower()


def _digits_after_point(denominator: int) -> int | None:
    """Count the decimals of a fraction in lowest terms with this denominator; None if they never end."""
    twos = fives = 0
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    return max(twos, fives) if denominator == 1 and max(twos, fives) <= MAX_DIGITS else None


def _value(node: ast.expr, written: str, depth: int) -> Number:
    if depth > MAX_DEPTH:
        raise ToolFailed(f"the expression is nested deeper than {MAX_DEPTH} levels")
    match node:
        case ast.Constant(value=int(value)) if type(value) is int:
            return _check_size(value)
        case ast.Constant(value=float(value)):
            return _check_size(_as_written(ast.get_source_segment(written, node) or "", value))
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
            return _check_size(UNARY[type(op)](_value(operand, written, depth + 1)))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            return _combine(type(op), _value(left, written, depth + 1), _value(right, written, depth + 1))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return _check_size(FUNCTIONS[name](*(_value(argument, written, depth + 1) for argument in args)))
    raise ToolFailed(f"only numbers and {', '.join(FUNCTIONS)} are allowed, not {ast.unparse(node)!r}")


def _as_written(text: str, value: float) -> Number:
    """Return the decimal number itself, not the nearest binary one, unless it is too small or too large."""
    number = Decimal(text)
    return Fraction(number) if abs(number.adjusted()) <= MAX_DIGITS else value


def _combine(kind: type[ast.operator], left: Number, right: Number) -> Number:
    if kind is ast.Pow and not isinstance(left, float) and not isinstance(right, float):
        _refuse_huge_power(Fraction(left), Fraction(right))
    return _check_size(BINARY[kind](left, right))


def _refuse_huge_power(base: Fraction, exponent: Fraction) -> None:
    """Raise ToolFailed before a power is computed that would take too long, such as 9**9**9."""
    bits = max(abs(base.numerator).bit_length(), base.denominator.bit_length())
    if abs(base) not in (0, 1) and exponent.denominator == 1 and bits * abs(exponent) > MAX_BITS:
        raise ToolFailed("the result is too large")


def _check_size(value: Any) -> Number:
    if isinstance(value, complex):
        raise ToolFailed("the result is not a real number")
    if isinstance(value, float) and not math.isfinite(value):
        raise ToolFailed("the result is too large")
    if isinstance(value, Fraction):
        return _check_fraction(value)
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ToolFailed("the result is too large")
    number: Number = value
    return number


def _check_fraction(value: Fraction) -> Number:
    """Return a fraction of too many digits as the nearest float. A whole one stays a fraction, as 6.0 is."""
    if abs(value) > LARGEST_FLOAT:
        raise ToolFailed("the result is too large")
    return value if max(value.numerator.bit_length(), value.denominator.bit_length()) <= MAX_BITS else float(value)
