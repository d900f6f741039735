"""Statements of a message: those worth keeping as memories, and the keys that make equal ones one. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from hashlib import sha256

from soma.agent.language.chat_corrections import is_judgement, is_only_a_denial, points_back
from soma.agent.language.consent import begins_an_answer, consent_in, only_answers
from soma.agent.language.dates import date_of, find_date
from soma.agent.language.hidden import without_hidden
from soma.agent.language.requests_to_forget import asks_to_forget, find_what_to_erase
from soma.agent.language.small_talk import small_talk
from soma.agent.language.speech import is_bare_name, is_question, is_request, may_have_verb, orders_to_remember_nothing
from soma.agent.language.spelling import nearest
from soma.agent.language.stems import STOP, stem
from soma.agent.language.words import sentences, word_set, words

# Words that begin a question and as well a note in telegram style: "Had lunch with Ann", "Will is my brother".
_EITHER = word_set("had has have did do does was were will may")
FEWEST = 2  # letters and digits of what states anything: "a" and "🔑" do not
SHORTEST = 10  # letters of a sentence that is looked for inside of a kept text
_SUBJECTS = word_set("i you he she it we they there this that these those anyone anybody someone somebody")


def extract_statements(
    message: str,
    kept: Sequence[str] = (),
    quoted: Sequence[str] = (),
    *,
    is_answer: bool = False,
    is_first: bool = False,
) -> str:
    """Return what a message states; empty if it only asks, greets, says yes or no, or asks to forget.

    Leaves out sentences that equal, hold or stand in a text that was `kept` already, and searches for words of the
    documents that were `quoted` in answer. `is_answer`: the message before it asked to forget, so a sentence that
    begins with a yes, a no or a number answers the question. `is_first`: nothing was said before it, so that "no, it is
    4321" is about nothing.
    """
    message = without_hidden(message)
    if asks_to_forget(message) or only_answers(message) or consent_in(message) is not None:
        return ""
    said = sentences(message)
    known = [letters for text in kept if (letters := _letters(text))]
    if is_answer:
        said = [one for one in said if not begins_an_answer(one)]
    if is_first:
        said = [one for one in said if not points_back(one)]
    stated = [one for one in said if not (_only_asks(one) or _is_known(one, known) or _looks_up(one, quoted))]
    return message if len(stated) == len(sentences(message)) else " ".join(stated)


def statement_key(text: str, said_at: str | None = None) -> str:
    """Return one key for equal statements, whoever keeps them.

    Statements with a relative date such as "yesterday" are equal only if said on the same day.
    """
    plain = _plain(text)
    day = date_of(said_at)
    when = find_date(text, day)
    dated = f"{plain}\n{day}" if when is not None and when.is_relative else plain
    return f"stated:{sha256(dated.encode()).hexdigest()[:32]}"


def answer_key(text: str) -> str:
    """Return the key of a statement that the model made itself."""
    return f"answered:{statement_key(text).partition(':')[2]}"


def is_same_statement(text: str, other: str) -> bool:
    return _plain(text) == _plain(other)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", without_hidden(text)).split()).rstrip(".!").casefold()


def _only_asks(sentence: str) -> bool:
    if len(_letters(sentence)) < FEWEST or orders_to_remember_nothing(sentence):
        return True
    if is_request(sentence) or is_bare_name(sentence) or find_what_to_erase(sentence) is not None:
        return True
    if small_talk(sentence) is not None or is_only_a_denial(sentence) or _only_judges(sentence):
        return True
    return is_question(sentence) and not _is_note(sentence)


def _only_judges(sentence: str) -> bool:
    """Return whether a sentence only judges, be it after small talk: "no thanks, it is fine"."""
    *before, last = sentence.split(",")
    return is_judgement(last) and all(small_talk(part) or only_answers(part) or not part.strip() for part in before)


def _is_note(sentence: str) -> bool:
    """Return whether a sentence that looks like a question is a note: no question mark and no subject."""
    first, second, *_ = [*words(sentence), "", ""]
    return not re.search(r"[?？]", sentence) and first in _EITHER and second not in _SUBJECTS


def _is_known(sentence: str, known: Sequence[str]) -> bool:
    letters = _letters(sentence)
    return any(text in letters or (len(letters) >= SHORTEST and letters in text) for text in known)


def _looks_up(sentence: str, quoted: Sequence[str]) -> bool:
    """Return whether a sentence was typed as into a search.

    It quotes words of a document, or it is a name without a verb, possibly misspelled. A text with a full stop is a
    sentence.
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
