"""Taint: the arguments of a call that carry text from outside, which the user did not write. Pure.

A text is compared as words: NFKC, without case, marks, look-alike letters and hidden characters, and under every
reading (`readings.py`). It **carries** a source if they share something that the user's own messages do not hold:

- a run of `RUN` words (a shorter text as a whole), not all of them stop words;
- a run of `LETTERS` letters (a shorter text as a whole), whatever stands between them: a text may be cut inside words,
  spelled out or glued together;
- a word that names one thing: an address, a very long word, or one with three digits or more;
- half of the meaningful words of one of its sentences (at least two), if they stand in one sentence of the source.

An argument is tainted if it carries a source, alone or joined to the other arguments and calls of the turn.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from soma.agent.language.hidden import without_hidden
from soma.agent.language.words import word_set
from soma.agent.tools.readings import readings

RUN = 4
LETTERS = 16
LONG_WORD = 12
DIGITS = 3
SHARE = 0.5
FEW = 2
SHORTEST = 5  # letters of a whole text that are looked for inside of other words

# Scripts that are written without spaces: each character is a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_ADDRESS = re.compile(r"(?<![\w.@-])[^\W_][\w-]*(?:[.@][\w-]+)+")
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|[。！？\n]+")
_Row = TypeVar("_Row", str, list[str])
_LOOK_ALIKES = str.maketrans("аеорсухіјѕԁһкмтвαοερτικνυ", "aeopcyxijsdhkmtbaoeptiknu")
_LOOK_ALIKES |= str.maketrans("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz")
_LOOK_ALIKES |= {  # letters in circles, in squares, and those that flags are made of
    first + number: ord("a") + number for first in (0x1F150, 0x1F170, 0x1F1E6) for number in range(26)
}
_STOP_WORDS = word_set(
    """a an and are as at be been but by can could did do does for from had has have he her him his i if in is it its
    me my no of on or our she should so than that the their them then there these they this to up us user user's was we
    were what when where which who will with would you your
    das dass daß dem den der des die dies ein eine einen einer eines er es ich im in ist mein meine mit sich sie
    sind und uns unser unsere von wir zu zum zur
    au aux ce de des du elle est et il ils je la le les ma mes mon nous on par pour que qui sa ses son sur un une vous
    al con del el ella en es esta la las lo los mi mis para por que se su sus una y yo"""
)


@dataclass(frozen=True, slots=True)
class Source:
    """A text from outside, and its ids: of memories, or of what a tool read."""

    text: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taint:
    """The names of the `arguments` that carry text of a source, and the ids of those `sources`."""

    arguments: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class TaintChecker:
    """Holds arguments against the texts from outside that a turn has seen, less the user's `own` messages."""

    def __init__(
        self, sources: Iterable[Source], own: Iterable[str], written: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        """Prepare the texts. `written` are arguments of earlier calls that carried nothing: their repetition is no
        taint.
        """
        self._own = _read_all([*own, *_all_texts(written)])
        self._said = frozenset[str]().union(*(text.telling for text in self._own))
        self._sources = [(source, _read_all([source.text])) for source in sources]

    def taint_of(self, arguments: Mapping[str, Any], beside: Iterable[Mapping[str, Any]] = ()) -> Taint:
        """Return the taint of arguments; `beside` are the arguments of the turn's other calls."""
        parts = {name: list(_texts(value)) for name, value in arguments.items()}
        if not self._sources or not any(parts.values()):
            return Taint()
        carried = {name: self._find_carried(_read_all(texts, turned=True)) for name, texts in parts.items()}
        if not any(carried.values()):
            together = self._together([text for texts in parts.values() for text in texts], _all_texts(beside))
            carried = {name: together if self._adds(texts) else [] for name, texts in parts.items()}
        names = tuple(name for name, found in carried.items() if found)
        return Taint(names, tuple(dict.fromkeys(one for found in carried.values() for src in found for one in src.ids)))

    def is_tainted(self, text: str) -> bool:
        """Return whether a text carries a source."""
        return bool(self.taint_of({"text": text}).arguments)

    def _find_carried(self, texts: Sequence["_Text"], known: Sequence["_Text"] = ()) -> list[Source]:
        """Return the sources that `texts` carry, beyond what the user wrote and what is `known`."""
        marks = frozenset[str]().union(*(text.marks for text in texts))
        for held in (*self._own, *known):
            marks -= held.find_marks(marks)
        retold = () if known else texts
        return [
            source
            for source, seen in self._sources
            if any(reading.find_marks(marks) or reading.is_retold_in(retold, self._said) for reading in seen)
        ]

    def _together(self, mine: Sequence[str], others: Sequence[str]) -> list[Source]:
        """Return the sources that appear only when arguments, or those of other calls, are joined."""
        parts = [*others, *mine]
        if len(parts) < FEW:
            return []
        rows = dict.fromkeys([tuple(mine), tuple(parts), (*mine, *others)])
        joined = (glue.join(row) for row in rows for glue in ("", " "))
        return self._find_carried(_read_all(joined, turned=True), known=_read_all(parts, turned=True))

    def _adds(self, texts: Iterable[str]) -> bool:
        """Return whether the texts hold anything that the user did not write."""
        found = [text for text in _read_all(texts) if text.words]
        return any(not text.telling or text.telling - self._said for text in found)


def telling_words(text: str) -> frozenset[str]:
    """Return the words of a text that carry meaning, in the form in which texts are compared."""
    return frozenset(filter(_is_meaningful, _WORD.findall(_plain(text))))


class _Text:
    """One reading of a text, cut into the pieces that are compared."""

    def __init__(self, raw: str) -> None:
        self._plain = _plain(raw)
        cut = [_WORD.findall(part) for part in _SENTENCE.split(self._plain)]
        self.sentences = [words for words in cut if words]
        self.words = [word for words in self.sentences for word in words]
        self.letters = "".join(self.words)

    @cached_property
    def telling(self) -> frozenset[str]:
        return frozenset(filter(_is_meaningful, self.words))

    @cached_property
    def marks(self) -> frozenset[str]:
        """Return every piece by which this text is recognised elsewhere."""
        found = {
            _run(words) for words in _windows(self.words, min(RUN, len(self.words))) if any(map(_is_meaningful, words))
        }
        found.update(_windows(self.letters, LETTERS))
        if SHORTEST <= len(self.letters) < LETTERS:
            found.add(f"={self.letters}")
        found.update(filter(_is_code, self.words))
        found.update(self._addresses)
        return frozenset(found)

    def find_marks(self, marks: frozenset[str]) -> frozenset[str]:
        """Return those `marks` that stand in this text."""
        if not marks:
            return marks
        here = {_run(words) for size in {mark.count(" ") for mark in marks if mark.startswith(" ")}
                for words in _windows(self.words, size)}  # fmt: skip
        here.update(_windows(self.letters, LETTERS))
        here.update(self.words)
        here.update(self._addresses)
        glued = {mark for mark in marks if mark.startswith("=") and mark[1:] in self.letters}
        return marks & here | glued

    def is_retold_in(self, texts: Sequence["_Text"], said: frozenset[str]) -> bool:
        """Return whether a sentence of `texts` uses the words of one sentence here, beyond what was `said`."""
        for words in (words for text in texts for words in text.sentences):
            new = {word for word in words if _is_meaningful(word)} - said
            shared = Counter(number for word in new for number in self._places.get(word, ()))
            if shared and max(shared.values()) >= max(FEW, SHARE * len(new)):
                return True
        return False

    @cached_property
    def _addresses(self) -> list[str]:
        return [f"@{match.group()}" for match in _ADDRESS.finditer(self._plain)]

    @cached_property
    def _places(self) -> Mapping[str, list[int]]:
        """Map each meaningful word to the sentences that it stands in."""
        found: defaultdict[str, list[int]] = defaultdict(list)
        for number, words in enumerate(self.sentences):
            for word in set(filter(_is_meaningful, words)):
                found[word].append(number)
        return found


def _read_all(texts: Iterable[str], *, turned: bool = False) -> list[_Text]:
    return [_Text(reading) for text in texts for reading in readings(text, turned=turned)]


def _windows(row: _Row, size: int) -> Iterator[_Row]:
    return (row[at : at + size] for at in range(len(row) - size + 1)) if size else iter(())


def _run(words: Sequence[str]) -> str:
    """Join words with a blank before each: no other kind of mark begins so."""
    return " ".join(["", *words])


def _is_meaningful(word: str) -> bool:
    return word not in _STOP_WORDS and (len(word) > 1 or not word.isascii())


def _is_code(word: str) -> bool:
    """Return whether a word names one thing: a number, a code, or a word too long to be shared by chance."""
    return len(word) >= LONG_WORD or sum(character.isdigit() for character in word) >= DIGITS


def _plain(text: str) -> str:
    """Return a text in the form in which texts are compared."""
    if text.isascii():
        return text.lower()
    bare = unicodedata.normalize("NFKD", without_hidden(text)).casefold()
    kept = "".join(character for character in bare if unicodedata.category(character) not in ("Mn", "Cf", "Cc"))
    plain = unicodedata.normalize("NFKC", kept).translate(_LOOK_ALIKES)
    return "".join(map(_digit, plain))


def _digit(character: str) -> str:
    """Return the digit that a character of any script stands for; else the character."""
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def _all_texts(values: Iterable[Mapping[str, Any]]) -> list[str]:
    return [text for arguments in values for value in arguments.values() for text in _texts(value)]


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for key, inner in value.items():
                yield from _texts(key)
                yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)
        case int() | float() if not isinstance(value, bool):
            yield str(value)
