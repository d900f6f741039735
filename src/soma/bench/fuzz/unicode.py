"""Unicode of every category through remember, list, search, recall, import and chat.

Rule: nothing crashes, memories are stored unchanged, and a word finds its memory in any spelling.
"""

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from unicodedata import category, normalize

from soma.agent.language.hidden import without_hidden
from soma.agent.llm.base import MemoryPart, ModelMessage, ModelRequest, TextPart
from soma.agent.llm.offline.model import respond
from soma.bench.candidates.gather import open_memory
from soma.bench.fuzz.trials import RuleBroken, Trial
from soma.brain.tokens import BundledTokenizer
from soma.memory.checks import not_empty
from soma.memory.documents.chunks import cut_each_chunk
from soma.memory.documents.importing import READERS
from soma.memory.embedders.minilm import MiniLM
from soma.memory.errors import MemoryRefused
from soma.memory.memory import Memory
from soma.memory.types import NewMemory, Owner, Query

SILENT = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs")  # categories that are no part of a word
LAST = 0x10FFFF
ANNA = Owner(tenant_id="fuzz", user_id="anna", agent_id="soma")


@asynccontextmanager
async def open_trial() -> AsyncIterator[Trial]:
    by_category: dict[str, list[str]] = {}
    for code in range(LAST + 1):
        by_category.setdefault(category(chr(code)), []).append(chr(code))
    count = BundledTokenizer().count
    with tempfile.TemporaryDirectory() as folder:
        async with open_memory(Path(folder), MiniLM()) as memory:

            async def trial(random: Random) -> str:
                word = _random_word(random, by_category)
                _check_import(f"{word} stood here. {word}\n\n# {word} {word}\n", count)
                _check_answer(word)
                return await _check_memory(memory, word)

            yield trial


def _random_word(random: Random, by_category: dict[str, list[str]]) -> str:
    """Make a word of a few characters, mostly of one category or of neighbouring code points."""
    chosen = by_category[random.choice(list(by_category))]
    start = random.randrange(len(chosen))
    near = chosen[start : start + random.choice((1, 30, len(chosen)))]
    mixed = random.choice(("", "", "a", "Z", "1", "\u0301", "\u200d", " "))
    return "".join(random.choice(near) + mixed * random.randrange(2) for _ in range(random.randrange(1, 8)))


async def _check_memory(memory: Memory, word: str) -> str:
    text = f"The {word} stood here."
    try:
        [made] = await memory.remember(ANNA, [NewMemory(text=text)])
    except MemoryRefused as refused:
        if "\0" in word or any(category(sign) == "Cs" for sign in word):
            return "refused"
        raise RuleBroken(f"refused: {refused}", text) from refused
    [kept] = await memory.get(ANNA, ids=[made.id])
    if kept.text != text:
        raise RuleBroken("the stored text differs", text)
    result = await _check_search(memory, word, made.id)
    await memory.forget(ANNA, ids=[made.id])
    return result


async def _check_search(memory: Memory, word: str, memory_id: str) -> str:
    await memory.candidates(ANNA, Query(text=f"Where is {word}?"))
    if all(category(sign) in SILENT for sign in word) or not _says_something(word):
        return "silent"
    for query in (word, word.upper(), word.lower(), normalize("NFD", word), normalize("NFC", word)):
        if memory_id not in {found.id for found in (await memory.search(ANNA, query)).items}:
            raise RuleBroken(f"not found by {query!a}", word)
    if memory_id not in set((await memory.candidates(ANNA, Query(text=word))).ids):
        raise RuleBroken("not recalled", word)
    return "found"


def _says_something(word: str) -> bool:
    try:
        not_empty(word, "text")
    except MemoryRefused:
        return False
    return True


def _check_import(text: str, count: Callable[[str], int]) -> None:
    if any(category(sign) == "Cs" for sign in text):
        return
    for name, blocks in READERS.items():
        found = list(cut_each_chunk(text, blocks(text), budget=32, count=count))
        kept = "".join("".join(chunk.text for chunk in found).split())
        if found and any(sign not in kept for sign in set("".join(text.split())) - {"\ufeff", "#"}):
            raise RuleBroken(f"lost from a document ({name})", text)
        if any(count(chunk.text) > 32 for chunk in found):
            raise RuleBroken(f"a chunk is above its budget ({name})", text)


def _check_answer(word: str) -> None:
    if without_hidden(without_hidden(word)) != without_hidden(word):
        raise RuleBroken("removing hidden characters makes others appear", word)
    memory = MemoryPart(number=1, id="1", text=f"{word} stood here.", author=word, score=1.0)
    reply = respond(ModelRequest(messages=(ModelMessage("user", (memory, TextPart(f"Where is {word}?"))),)))
    if not reply.text and not reply.calls:
        raise RuleBroken("no answer", word)
