"""The learner's observations as the log keeps them: plain JSON, exact to the last bit of a float."""

from typing import Any, assert_never

import msgspec

from soma.brain.core.observations import Answer, Evidence, IterationOutcome

Learnable = Answer | Evidence | IterationOutcome

KINDS: dict[str, type[Learnable]] = {"answer": Answer, "evidence": Evidence, "outcome": IterationOutcome}


def recorded(observation: Learnable) -> dict[str, Any]:
    match observation:
        case Answer():
            kind = "answer"
        case Evidence():
            kind = "evidence"
        case IterationOutcome():
            kind = "outcome"
        case _:
            assert_never(observation)
    return {"kind": kind, **msgspec.to_builtins(observation)}


def observed(record: dict[str, Any]) -> Learnable:
    """The inverse of `recorded`."""
    fields = {name: value for name, value in record.items() if name != "kind"}
    return msgspec.convert(fields, type=KINDS[record["kind"]])
