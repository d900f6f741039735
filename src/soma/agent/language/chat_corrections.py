"""Corrections in a chat: "no, it is 4321", in English, German, French, Spanish and Japanese. Pure.

A message is one only if it says what is right, as an answer to the question before: "no, that is wrong" says nothing
that could be kept, and "no, thanks" answers nothing. The less plainly it denies the answer, the more plainly it has to
answer the question.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

from soma.agent.language.asked_for import asked_for, begins_a_phrase, is_number, may_answer, names_something
from soma.agent.language.requests_to_forget import orders_to_forget
from soma.agent.language.small_talk import small_talk
from soma.agent.language.speech import is_question, is_request, may_have_verb
from soma.agent.language.stems import content_stems, language_of
from soma.agent.language.vocabulary.denial_words import (
    DENIALS,
    DENIALS_IN_JAPANESE,
    DENIES,
    DOUBTS,
    DOUBTS_IN_JAPANESE,
    IDIOMS,
    JUDGEMENT,
    NOT,
    POINTING,
    SORRY,
)
from soma.agent.language.words import sentences, words

LONGEST = 300  # characters of a correction; a longer message tells a story
LONGEST_QUESTION = 500  # characters of a question that is kept with its right answer
FEW = 5  # words of a value that stands alone, beside a number
LONGEST_PHRASE = 9  # words of a bare answer, as "by the ferry from Uig"

Manner = Literal["denied", "contrasted", "doubted", "told"]

_BREAK = r"\s*[,.;:!–—-]+\s*"
_PRONOUN = r"(?:it|he|she|they|its|(?:it|he|she)['’]s|they['’]re|es|er|sie|c['’]est|c['’]était|elle|ils?|elles)"
_DENIAL = re.compile(
    rf"""^\W*(?:(?:sorry|oh|well|hm+|entschuldigung|pardon|perdón|ach)[,\s]+)?(?:
        (?:{DENIALS}(?:{_BREAK}|\s+(?={_PRONOUN}\b)))+(?:(?:{SORRY})[,\s]+)?
      | {DENIALS_IN_JAPANESE}(?:[、,。.!！\s]+|(?=\d)|(?<=正しくは))
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_DOUBT = re.compile(
    rf"^\W*(?:(?:well|oh|hm+|but|na|bon|bueno|mais|aber|pero)[,\s]+)?(?:{DOUBTS}[,:\s]+|{DOUBTS_IN_JAPANESE}[、,:\s]*)",
    re.IGNORECASE | re.VERBOSE,
)
_CONTRASTS = tuple(
    re.compile(pattern, re.IGNORECASE | re.VERBOSE | re.DOTALL)
    for pattern in (
        # "not X but Y", "he does not live in X but in Y"
        r"^(?:.{0,60}\s)?(?:not|\w+n['’]t)\s(?P<wrong>(?:\S+\s){0,6}?\S+?),?\sbut\s(?:rather\s)?(?P<right>\S.*)$",
        r"^(?:.{0,60}\s)?(?:nicht|keine?[rnms]?)\s(?P<wrong>(?:\S+\s){0,6}?\S+?),?\ssondern\s(?P<right>\S.*)$",
        r"^(?:.{0,60}\s)?pas\s(?P<wrong>(?:\S+\s){0,6}?\S+?),?\smais\s(?P<right>\S.*)$",
        r"^(?:.{0,60}\s)?no\s(?P<wrong>(?:\S+\s){0,6}?\S+?),?\ssino\s(?:que\s)?(?P<right>\S.*)$",
        r"^(?P<wrong>\S{1,40}?)(?:じゃなくて|ではなくて?|でなくて?)[、,\s]*(?P<right>\S.*)$",
        # "not X, Y"; "it is not X, it is Y"
        r"^(?:(?:it|he|she|that)(?:['’]s|\sis|\swas)\s)?not\s(?P<wrong>(?:\S+\s){0,4}?\S+?)[,;:–—]\s?(?P<right>\S.*)$",
        # "Y, not X"
        r"^(?P<right>\S.*?),\s?(?:and\s|und\s|et\s|y\s)?(?:not|nicht|pas|non|no)\s(?P<wrong>(?:\S+\s){0,5}\S+?)\W*$",
        r"^(?P<right>\S.{0,80}?)(?:であって|で)[、,\s]*(?P<wrong>\S{1,40}?)(?:じゃない|ではない|ではありません)(?:です|よ)*\W*$",
    )
)
_NAMED = r"(?:[^\W\d_][\w'’-]*\s+){0,5}?[^\W\d_][\w'’-]*"  # what is spoken of: "the code of the alarm"
_NO_VALUE = rf"(?!(?:{NOT}|{JUDGEMENT})\b)"
_STATES = re.compile(
    rf"""^(?:
    (?:it|he|she|that|they)['’](?:s|re)
    | {_NAMED}\s+(?:is|was|are|were|will\ be)
    | {_NAMED}\s+(?:ist|war|sind|waren|heißt|hieß|lautet)
    | c['’](?:est|était) | {_NAMED}\s+(?:est|était|sont|étaient|s['’]appelle)
    | (?:{_NAMED}\s+)?(?:es|era|fue|son|eran|está|estaba|se\ llama)
    )\s+{_NO_VALUE}\S""",
    re.IGNORECASE | re.VERBOSE,
)
_OF_IT = re.compile(  # a sentence about what the question asks for, or whom
    r"^(?:it|he|she|they|(?:it|he|she)['’]s|they['’](?:re|ve)|es|er|sie|ils?|elles?|ce|c['’](?:est|était)"
    r"|él|ella|ellos|ellas|es|era|fue|está|son)\b",
    re.IGNORECASE,
)
_IS_VALUE = re.compile(
    r"^(?:(?:it|he|she)['’]s|(?:it|he|she|they)\s(?:is|was|are|were)|(?:es|er|sie)\s(?:ist|war|sind|waren|heißt|lautet)"
    r"|(?:eigentlich|tatsächlich|in\swirklichkeit)\s(?:ist|war|heißt|hieß)\s(?:es|er|sie)"
    rf"|c['’](?:est|était)|(?:ils?|elles?)\s(?:est|était|sont|s['’]appelle)|(?:es|era|fue|está|se\sllama))\s+{_NO_VALUE}\S",
    re.IGNORECASE | re.VERBOSE,
)
_VERB_SECOND = re.compile(  # German: its word for "actually" is part of the sentence
    rf"^(?:eigentlich|tatsächlich|in\ wirklichkeit)\s(?:ist|war|sind|waren|heißt|hieß|lautet|\w+t)\s"
    rf"{_NO_VALUE}(?!das\segal)",
    re.IGNORECASE | re.VERBOSE,
)
_OF_SPEAKER = re.compile(
    r"\b(?:I|I['’]m|I['’]ve|I['’]d|me|my|mine|we|we['’]re|us|our|ich|mir|mich|mein\w*|wir|uns|unser\w*"
    r"|je|j['’]\w+|moi|mon|ma|mes|nous|notre|nos|yo|mi|mis|me|nosotros|nuestr[oa]s?)\b|私|僕|俺|うち",
    re.IGNORECASE,
)
_BY_SPEAKER = re.compile(
    r"^(?:I|I['’](?:m|ve|d|ll)|we|we['’](?:re|ve)|ich|wir|je|j['’]\w+|nous|yo|nosotros|you|you['’]\w+|du|tu|vous)\b",
    re.IGNORECASE,
)
_REPHRASES = re.compile(  # says what was meant, and not what is right
    r"\b(?:mean|meant|ask(?:ed|ing)?|said|say|told|talking|speaking|want(?:ed)?|need(?:ed)?|meine|meinte|gemeint|fragte"
    r"|sagte|gesagt|(?:veux|voulais)\ dire|parle|parlais|demand(?:e|ais|é)|quiero\ decir|quise\ decir|me\ refiero"
    r"|hablo|pregunt[aoéó]\w*)\b|のこと(?:です|だ)?$|聞いて",
    re.IGNORECASE | re.VERBOSE,
)
_ASKS_FOR_MORE = re.compile(
    r"^(?:wait|stop|please|leave|keep|let|go|try|come|don['’]?t|do|never\ mind|forget|what|how|and|but"
    r"|bitte|warte|lass|mach"
    r"|attends?|attendez|laisse[rz]?|s['’]il|espera|deja|dej[ae]lo|por\ favor)\b",
    re.IGNORECASE | re.VERBOSE,
)
_DENIES = re.compile(DENIES, re.IGNORECASE)
_DENIES_IN_JAPANESE = re.compile(r"ません|ない(?:です|よ)?$|なかった")
_NO_ANSWER_IN_JAPANESE = re.compile(
    r"[?？]|か$|ください|下さい|[てで]$|結構|けっこう|大丈夫|いいです|いいよ|ありがとう|わかりました|了解|すみません|ごめん"
)
_JAPANESE = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_STATES_IN_JAPANESE = re.compile(r"\d|(?:です|でした|だ|だった|だよ|である|ます|ました)(?:よ|ね)?$")
_IDIOM = re.compile(rf"^{IDIOMS}\b", re.IGNORECASE | re.VERBOSE)
_POINTING = re.compile(rf"\b{POINTING}\b", re.IGNORECASE | re.VERBOSE)
_JUDGES = re.compile(
    r"(?:(?:it|that|this|all|everything|they)(?:['’]s|['’]re|\ is|\ was|\ are)|(?:es|das|alles)\ (?:ist|war)"
    rf"|c['’](?:est|était)|tout\ (?:est|va)|(?:todo\ |eso\ )?(?:es|está|era))\s{JUDGEMENT}\W*",
    re.IGNORECASE | re.VERBOSE,
)
_NO_JUDGEMENT = re.compile(rf"\S+\s+{_NO_VALUE}", re.IGNORECASE | re.VERBOSE)
_ON_A_DAY = "am "  # German; in English it begins a question


@dataclass(frozen=True, slots=True)
class RightValue:
    """The value that a message says is right, and the manner in which it says so.

    denied      after a denial: "no, it is 4321"
    contrasted  against another value, `wrong`: "not May but June"
    doubted     after a word that may begin a correction: "actually, it is 4321"
    told        as it is: an answer where there was none
    """

    text: str
    manner: Manner
    wrong: str = ""


def right_value_in(message: str, question: str, answer: str = "", *, is_unanswered: bool = False) -> str | None:
    """Return what a message says is right in answer to the question before; None where it corrects nothing.

    `answer` is what was answered; `is_unanswered`: it did not answer the question, so that a plain answer is one.
    """
    value = _read(message)
    if value is None or not _fits(value, question, answer, is_unanswered=is_unanswered):
        return None
    return value.text[:1].upper() + value.text[1:]


def is_only_a_denial(sentence: str) -> bool:
    """Return whether a sentence denies an answer and says nothing else: "No, that's wrong."."""
    denied = _DENIAL.match(f"{sentence.strip()}. ")
    return denied is not None and not sentence.strip()[denied.end() :].strip(" .!")


def points_back(sentence: str) -> bool:
    """Return whether a sentence denies, and states something only of what was said before: "no, it is 4321"."""
    denied = _DENIAL.match(said := sentence.strip())
    rest = said[denied.end() :] if denied else ""
    if not rest or is_question(rest) or small_talk(rest):
        return False
    if _JAPANESE.search(rest):
        return not re.search("[はがも]", rest)
    return bool(_OF_IT.match(rest)) or (len(words(rest)) <= FEW and not may_have_verb(rest))


def is_judgement(sentence: str) -> bool:
    """Return whether a sentence only says how something unnamed is: "it is fine"."""
    return _JUDGES.fullmatch(sentence.strip()) is not None


def answered_question(question: str, stated: str) -> str:
    """Return a question with its right answer, as one text that says by itself what it is about."""
    asked = " ".join(question.split())
    if len(asked) > LONGEST_QUESTION:
        asked = next((one for one in reversed(sentences(asked)) if is_question(one)), "")[:LONGEST_QUESTION]
    return f"{asked} {stated}".strip()


def _read(message: str) -> RightValue | None:
    said = " ".join(message.split())
    if not said or len(said) > LONGEST or is_only_a_denial(said):
        return None
    denial, doubt = _DENIAL.match(said), _DOUBT.match(said)
    rest = said[denial.end() :] if denial else said[doubt.end() :] if doubt and not _VERB_SECOND.match(said) else said
    stated, is_value = _first_sentence(rest)
    contrast = _contrast_in(stated)
    if contrast is not None:
        return replace(contrast, manner="denied") if denial else contrast
    asks = is_question(stated) and not (is_value and stated.casefold().startswith(_ON_A_DAY))
    if not stated or asks or _says_no_value(stated):
        return None
    return RightValue(stated, "denied" if denial else "doubted" if doubt else "told")


def _first_sentence(rest: str) -> tuple[str, bool]:
    """Return what is said first, and whether it is a value with a number: "am 3. Mai" is no two sentences."""
    is_value = any(map(str.isdigit, rest)) and len(words(rest)) <= FEW
    return (rest if is_value else next(iter(sentences(rest)), "")), is_value


def _contrast_in(stated: str) -> RightValue | None:
    """Return the value that a sentence sets against another one."""
    for pattern in _CONTRASTS:
        found = pattern.match(stated)
        if found is None:
            continue
        right = found["right"].strip()
        if not (is_question(stated) or _says_no_value(right) or _BY_SPEAKER.match(stated)):
            return RightValue(right if right.endswith((".", "!")) else f"{right}.", "contrasted", found["wrong"])
    return None


def _says_no_value(stated: str) -> bool:
    """Return whether a sentence asks, denies, thanks or judges, so that it holds no value."""
    bare = stated.rstrip(" .!。！")
    if _JAPANESE.search(stated) and (_NO_ANSWER_IN_JAPANESE.search(bare) or _DENIES_IN_JAPANESE.search(bare)):
        return True
    return bool(
        is_request(stated)
        or _ASKS_FOR_MORE.match(stated)
        or _DENIES.search(stated)
        or _REPHRASES.search(bare)
        or _IDIOM.match(stated)
        or small_talk(stated)
        or orders_to_forget(stated)
    )


def _fits(value: RightValue, question: str, answer: str, *, is_unanswered: bool) -> bool:
    """Return whether a value answers the question; the less plainly it corrects, the more must speak for it."""
    if _BY_SPEAKER.match(value.text) and not _OF_SPEAKER.search(question):
        return False
    if _JAPANESE.search(value.text):
        return _fits_in_japanese(value, question, is_unanswered=is_unanswered)
    return _fits_in_words(value, question, answer, is_unanswered=is_unanswered)


def _fits_in_words(value: RightValue, question: str, answer: str, *, is_unanswered: bool) -> bool:
    language = language_of(question)
    asked, said = set(content_stems(question, language)), set(content_stems(value.text, language))
    is_number_only = is_number(value.text) and not said - asked
    if not (said - asked or is_number_only):
        return False  # it only names what was asked about
    shares = bool(said & asked) and len(said) > 1
    match value.manner:
        case "denied":
            is_whole = bool(_STATES.match(value.text)) or _of_it(value) or shares
            return (is_whole and _may_be_right(question, value.text)) or _is_bare_answer(value.text, question)
        case "contrasted":
            contradicts = bool(words(value.wrong)) and set(words(value.wrong)) <= set(words(answer))
            return may_answer(question, value.text) and (
                contradicts or bool(_IS_VALUE.match(value.text)) or shares or _is_bare_answer(value.text, question)
            )
        case "doubted":
            return may_answer(question, value.text) and bool(_IS_VALUE.match(value.text) or shares)
        case "told":
            is_plain = asked_for(question) != "other" or names_something(value.text)
            has_digit = any(map(str.isdigit, value.text))  # with one, "may" is a month
            is_bare = has_digit or (
                (is_number(value.text) or begins_a_phrase(value.text)) and not may_have_verb(value.text)
            )
            is_answer = _IS_VALUE.match(value.text) or (is_bare and _is_bare_answer(value.text, question))
            return is_unanswered and is_plain and may_answer(question, value.text) and bool(is_answer)


def _may_be_right(question: str, text: str) -> bool:
    """Return whether a sentence after a denial may answer: it need not write a place or a person with a capital."""
    return asked_for(question) in ("person", "place") or may_answer(question, text)


def _of_it(value: RightValue) -> bool:
    return _OF_IT.match(value.text) is not None and _NO_JUDGEMENT.match(value.text) is not None


def _fits_in_japanese(value: RightValue, question: str, *, is_unanswered: bool) -> bool:
    bare = value.text.rstrip(" .!。！")
    is_sure = value.manner in ("denied", "contrasted") or is_unanswered or value.manner == "doubted"
    return is_sure and may_answer(question, bare) and (value.wrong != "" or bool(_STATES_IN_JAPANESE.search(bare)))


def _is_bare_answer(text: str, question: str) -> bool:
    """Return whether a text is a short answer without a sentence around it: "six", "by ferry", "the blue one"."""
    bare = text.strip(" .!")
    if len(words(bare)) > LONGEST_PHRASE or _POINTING.search(bare):
        return False
    if bare[:1].isupper() and len(words(bare)) <= FEW and asked_for(question) in ("person", "place", "other"):
        return True
    if not may_answer(question, bare):
        return False
    is_value = len(words(bare)) <= FEW and any(map(str.isdigit, bare))
    return is_value or is_number(bare) or begins_a_phrase(bare) or asked_for(question) == "time"
