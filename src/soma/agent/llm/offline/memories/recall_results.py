"""Results of the `recall` tool, read back as memories, to be weighed and quoted like those in the prompt. Pure."""

import re
from collections.abc import Sequence

from soma.agent.llm.base import MemoryPart

HIT = re.compile(r"- (?:\((?:(?P<author>.+?), )?(?P<day>\d{4}-\d\d-\d\d)\) )?(?P<text>.+)")
SUMMARY = re.compile(r"a summary of (\d+) memories")


def read_recall_results(content: str, shown: Sequence[MemoryPart]) -> list[MemoryPart]:
    """Return a memory for each line: the one shown in the prompt, with its number, else one numbered below 1."""
    known = {_plain(memory.text): memory for memory in shown}
    found = [match for line in content.splitlines() if (match := HIT.fullmatch(line))]
    return [known.get(_plain(match["text"])) or _memory(match, -at) for at, match in enumerate(found)]


def _memory(match: re.Match[str], number: int) -> MemoryPart:
    made = SUMMARY.fullmatch(match["author"] or "")
    return MemoryPart(
        number=number,
        id="",
        text=match["text"],
        occurred_at=match["day"],
        author=None if made else match["author"],
        made_from=int(made[1]) if made else 0,
    )


def _plain(text: str) -> str:
    return " ".join(text.split())
