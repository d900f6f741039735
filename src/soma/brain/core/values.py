"""The learned value of a single memory, which enters recall as the view `value`."""

INITIAL_VALUE = 0.5
VALUE_RATE = 0.1


def next_value(value: float, *, helpful: bool, rate: float = VALUE_RATE) -> float:
    """value += rate (helpful - value)."""
    return value + rate * ((1.0 if helpful else 0.0) - value)
