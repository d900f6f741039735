"""The part of a finished turn that is worth keeping, and its key. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from hashlib import sha256

from soma.agent.language.consent import begins_an_answer, consent_in, only_answers
from soma.agent.language.dates import resolve, said_on
from soma.agent.language.hidden import without_hidden
from soma.agent.language.requests_to_forget import asks_to_forget, to_erase
from soma.agent.language.small_talk import small_talk
from soma.agent.language.speech import is_question, is_request, may_have_verb, only_names
from soma.agent.language.spelling import nearest
from soma.agent.language.stems import STOP, stem
from soma.agent.language.words import sentences, word_set, words

# Words that begin a question and as well a note in telegram style: "Had lunch with Ann", "Will is my brother".
_EITHER = word_set("had has have did do does was were will may")
SHORTEST = 10  # letters of a sentence that is looked for inside of a kept text
_SUBJECTS = word_set("i you he she it we they there this that these those anyone anybody someone somebody")


def worth_keeping(
    message: str, kept: Sequence[str] = (), quoted: Sequence[str] = (), *, is_answer: bool = False
) -> str:
    """Take what a message states; empty for one that only asks, greets, says yes or no, or asks to forget.

    Sentences that stand in what was `kept` already, or hold it, are left out; so are those that only name what the
    documents say that were `quoted` in answer. `is_answer`: the message before it asked to forget, so that a sentence
    which begins with a yes, a no or a number answers the question.
    """
    if asks_to_forget(message) or only_answers(message) or consent_in(message) is not None:
        return ""
    said = sentences(message)
    known = [letters for text in kept if (letters := _letters(text))]
    if is_answer:
        said = [one for one in said if not begins_an_answer(one)]
    stated = [one for one in said if not (_only_asks(one) or _is_known(one, known) or _looks_up(one, quoted))]
    return message if len(stated) == len(sentences(message)) else " ".join(stated)


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
    if is_request(sentence) or only_names(sentence) or to_erase(sentence) is not None:
        return True
    if small_talk(sentence) is not None:
        return True
    return is_question(sentence) and not _is_note(sentence)


def _is_note(sentence: str) -> bool:
    """Whether a sentence that looks like a question is a note: it has neither a question mark nor a subject."""
    first, second, *_ = [*words(sentence), "", ""]
    return not re.search(r"[?？]", sentence) and first in _EITHER and second not in _SUBJECTS


def _is_known(sentence: str, known: Sequence[str]) -> bool:
    letters = _letters(sentence)
    return any(text in letters or (len(letters) >= SHORTEST and letters in text) for text in known)


def _looks_up(sentence: str, quoted: Sequence[str]) -> bool:
    """Whether it was typed as into a search: words of a document as they stand there, or a name without a verb, be it
    misspelled. What ends as a sentence does is one.
    """
    if not quoted or sentence.rstrip().endswith((".", "!", "。")):
        return False
    letters = _letters(sentence)
    if len(letters) >= SHORTEST and any(letters in _letters(text) for text in quoted):
        return True
    return not may_have_verb(sentence) and any(_holds(text, sentence) for text in quoted)


def _holds(text: str, name: str) -> bool:
    known = {word for word in words(text) if word not in STOP}
    stems = set(map(stem, known))
    return all(word in STOP or stem(word) in stems or nearest(word, known) is not None for word in words(name))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
