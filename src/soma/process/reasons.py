"""Why the system or the network refused, in plain words: without numbers of errors. Pure."""

import re

NUMBER = re.compile(r"\[(?:Errno|WinError) -?\d+\]\s*")


def reason_of(error: BaseException) -> str:
    """The reason of an error of the system, in lower case; of any other its text."""
    if isinstance(error, OSError) and error.strerror:
        return NUMBER.sub("", error.strerror).lower()
    return NUMBER.sub("", str(error))
