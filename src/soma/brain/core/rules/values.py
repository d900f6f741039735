"""The learned value of a single memory, which enters recall as the view `value`."""


def step_value(value: float, rate: float, *, helpful: bool) -> float:
    """value += rate (helpful - value), an exponential mean of what was said; in [0, 1].

    Steps are replayed at the rate that they were taken with.
    """
    return value + rate * ((1.0 if helpful else 0.0) - value)
