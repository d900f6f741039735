"""Reasons why the system or the network refused, in plain words: without numbers of errors. Pure."""

import re

NUMBER = re.compile(r"\[(?:Errno|WinError) -?\d+\]\s*")


def reason_of(error: BaseException) -> str:
    """Return the reason of a system error, in lower case; of any other error its text."""
    if isinstance(error, OSError) and error.strerror:
        return NUMBER.sub("", error.strerror).lower()
    return NUMBER.sub("", str(error))
