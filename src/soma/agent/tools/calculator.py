"""Exact arithmetic by walking the syntax tree. Nothing is ever evaluated as code, and every size is bounded."""

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

from soma.agent.tools.base import ToolContext, ToolFailed, ToolResult

MAX_LENGTH = 500
MAX_BITS = 4096
MAX_DEPTH = 50
MAX_DIGITS = 300  # round(1, -10**9) would build ten to that power

Number = int | float


def _clamped(digits: Any) -> Any:
    return max(-MAX_DIGITS, min(MAX_DIGITS, digits))


BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "ceil": math.ceil,
    "floor": math.floor,
    "max": max,
    "min": min,
    "round": lambda value, digits=None: round(value, digits if digits is None else _clamped(digits)),
    "sqrt": math.sqrt,
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


class Calculator:
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
        tree = ast.parse(expression.strip(), mode="eval")
        return _bounded(_value(tree.body, 0))
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ToolFailed(f"{expression!r} is not an arithmetic expression") from error
    except ZeroDivisionError as error:
        raise ToolFailed("division by zero") from error
    except OverflowError as error:
        raise ToolFailed("the result is too large") from error
    except (ValueError, TypeError) as error:
        raise ToolFailed(f"{expression!r} cannot be calculated: {error}") from error


def render(value: Number) -> str:
    """Floats lose the noise of binary: 0.1 + 0.2 is 0.3."""
    if isinstance(value, int):
        return str(value)
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else format(value, ".12g")


def _value(node: ast.expr, depth: int) -> Number:
    if depth > MAX_DEPTH:
        raise ToolFailed(f"the expression is nested deeper than {MAX_DEPTH} levels")
    match node:
        case ast.Constant(value=value) if type(value) in (int, float):
            return _bounded(value)
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
            return _bounded(UNARY[type(op)](_value(operand, depth + 1)))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            return _combine(type(op), _value(left, depth + 1), _value(right, depth + 1))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return _bounded(FUNCTIONS[name](*(_value(argument, depth + 1) for argument in args)))
    raise ToolFailed(f"only numbers and {', '.join(FUNCTIONS)} are allowed, not {ast.unparse(node)!r}")


def _combine(kind: type[ast.operator], left: Number, right: Number) -> Number:
    if kind is ast.Pow and isinstance(left, int) and isinstance(right, int):
        _refuse_huge_power(left, right)
    return _bounded(BINARY[kind](left, right))


def _refuse_huge_power(base: int, exponent: int) -> None:
    """Checked before the work is done: 9**9**9 would never end."""
    if abs(base) > 1 and base.bit_length() * abs(exponent) > MAX_BITS:
        raise ToolFailed("the result is too large")


def _bounded(value: Any) -> Number:
    if isinstance(value, complex):
        raise ToolFailed("the result is not a real number")
    if isinstance(value, float) and not math.isfinite(value):
        raise ToolFailed("the result is too large")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ToolFailed("the result is too large")
    number: Number = value
    return number
