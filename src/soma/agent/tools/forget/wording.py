"""Wording of a proposal to forget: its list, and what stays. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from soma.agent.language.moments import moment_of
from soma.agent.language.words import sentences
from soma.agent.tools.forget.matching import Memory
from soma.agent.tools.forget.redaction import redact
from soma.agent.tools.own_words import stems_of

MOST = 100  # memories that are proposed at once
LISTED = 10  # of them that are named, and may be chosen by their numbers
SENTENCES = 4  # of a memory that are shown


@dataclass(frozen=True, slots=True)
class MemoryGroup:
    """A memory, and the ids of all that say the same."""

    memory: Memory
    ids: tuple[str, ...]


def ask_to_forget(
    what: str, groups: Sequence[MemoryGroup], *, waiting: int, made: int, foreign: int, unmatched: Sequence[str] = ()
) -> str:
    """Ask whether to forget the groups, and name them.

    `waiting` more memories match, `made` summaries go with them, and `foreign` shared memories of others stay. Nothing
    matches the `unmatched` parts of the request.
    """
    count = sum(len(group.ids) for group in groups)
    listed = [f"{number}. {describe(what, group)}" for number, group in enumerate(groups[:LISTED], 1)]
    more = sum(len(group.ids) for group in groups[LISTED:])
    lines = [_opening(count, waiting, is_long=bool(more or waiting)), *listed, *([f"and {more} more"] if more else [])]
    if made:
        lines.append(f"With {_them(count)} {_goes(made)} made from {_them(count)}.")
    if foreign:
        lines.append(foreign_stays(foreign))
    if unmatched:
        lines.append(nothing_matches(unmatched))
    return "\n".join([*lines, _asking(count, len(groups))])


def describe(what: str, group: MemoryGroup) -> str:
    """Describe a memory by its best sentences, its document and day, and how often it is kept."""
    memory = group.memory
    said = sentences(memory.text) or [memory.text]
    wanted = stems_of(what)
    best = sorted(range(len(said)), key=lambda at: -len(wanted & stems_of(said[at])))[:SENTENCES]
    shown = ", ".join(f'"{redact(said[at])}"' for at in sorted(best))
    document = memory.metadata.get("document")
    notes = [f"of {document}"] if isinstance(document, str) else []
    notes += [moment[:10]] if (moment := moment_of(memory.metadata, memory.occurred_at)) else []
    notes += [f"{len(group.ids)} times"] if len(group.ids) > 1 else []
    left = len(said) - len(best)
    more = f" and {left} more {'sentence' if left == 1 else 'sentences'}" if left else ""
    about = f" ({', '.join(notes)})" if notes else ""
    return f"{shown}{more}{about}"


def report_forgotten(count: int, made: int, receipt_id: str, turns: int) -> str:
    also = f", and {made} that came of {_them(count)}" if made else ""
    return (
        f"Forgotten: {count} {_memories(count)}{also}. Receipt: {receipt_id}. Turns that speak of it: {turns}. No "
        "model is shown them any more; you can still read them, and their traces, in your conversations."
    )


def nothing_matches(parts: Sequence[str]) -> str:
    """Name the parts of a request that nothing was found for, with secrets redacted."""
    return f"Nothing matches: {'; '.join(map(redact, parts))}."


def own_stays(count: int) -> str:
    verb = "matches" if count == 1 else "match"
    return f"{count} more {_memories(count)} of yours {verb}, and {_stays(count)}; ask again to forget {_them(count)}."


def foreign_stays(count: int) -> str:
    shared = "A shared memory matches too, and stays" if count == 1 else f"{count} shared memories match too, and stay"
    return f"{shared}: only {'its author' if count == 1 else 'their authors'} or an owner may forget {_them(count)}."


def _opening(count: int, waiting: int, *, is_long: bool) -> str:
    if waiting:
        return f"I would forget {count} of {count + waiting} memories that match; ask again for the rest:"
    return f"I would forget {count} memories:" if is_long else "I would forget:"


def _asking(count: int, groups: int) -> str:
    if groups == 1:
        return "Shall I forget it? Yes or no."
    all_of_them = f"all {count}" if groups > LISTED else "them"
    return f"Shall I forget {all_of_them}? Yes, no, or the numbers."


def _goes(count: int) -> str:
    return "goes 1 memory that was" if count == 1 else f"go {count} memories that were"


def _stays(count: int) -> str:
    return "stays" if count == 1 else "stay"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _memories(count: int) -> str:
    return "memory" if count == 1 else "memories"
