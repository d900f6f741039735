"""The part of a finished turn that is worth keeping, and its key. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from hashlib import sha256

from soma.agent.consent import asks_to_forget, consent_in
from soma.agent.hidden import without_hidden
from soma.agent.llm.offline.dates import resolve, said_on
from soma.agent.speech import is_question, is_request, only_names, sentences, word_set, words

# Words that begin a question and as well a note in telegram style: "Had lunch with Ann", "Will is my brother".
_EITHER = word_set("had has have did do does was were will may")
SHORTEST = 10  # letters of a sentence that is looked for inside of a kept text
_SUBJECTS = word_set("i you he she it we they there this that these those anyone anybody someone somebody")


def worth_keeping(message: str, kept: Sequence[str] = ()) -> str:
    """Take what a message states; empty for one that only asks, agrees, or asks to forget.

    Sentences that stand in what was `kept` already, or hold it, are left out.
    """
    if asks_to_forget(message) or consent_in(message) is not None:
        return ""
    said = sentences(message)
    known = [letters for text in kept if (letters := _letters(text))]
    stated = [one for one in said if not _only_asks(one) and not _is_known(one, known)]
    return message if len(stated) == len(said) else " ".join(stated)


def statement_key(text: str, said_at: str | None = None) -> str:
    """One key for equal statements, whoever keeps them. Those that say "yesterday" are equal on one day only."""
    plain = _plain(text)
    day = said_on(said_at)
    when = resolve(text, day)
    dated = f"{plain}\n{day}" if when is not None and when.is_relative else plain
    return f"stated:{sha256(dated.encode()).hexdigest()[:32]}"


def answer_key(text: str) -> str:
    """The key of what the model said by itself."""
    return f"answered:{statement_key(text).partition(':')[2]}"


def same_statement(text: str, other: str) -> bool:
    return _plain(text) == _plain(other)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", without_hidden(text)).split()).rstrip(".!").casefold()


def _only_asks(sentence: str) -> bool:
    if is_request(sentence) or only_names(sentence):
        return True
    return is_question(sentence) and not _is_note(sentence)


def _is_note(sentence: str) -> bool:
    """Whether a sentence that looks like a question is a note: it has neither a question mark nor a subject."""
    first, second, *_ = [*words(sentence), "", ""]
    return not re.search(r"[?？]", sentence) and first in _EITHER and second not in _SUBJECTS


def _is_known(sentence: str, known: Sequence[str]) -> bool:
    letters = _letters(sentence)
    return any(text in letters or (len(letters) >= SHORTEST and letters in text) for text in known)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
