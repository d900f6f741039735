"""Answers to a proposal: yes, no, numbers and names, in English, German, French and Spanish. Pure.

They are read from the user's own words: what a model says that the user wants decides nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from soma.agent.language.requests_to_forget import TOKEN, find_request
from soma.agent.language.vocabulary.lead_ins import HESITATION
from soma.agent.language.words import word_set, words

LONGEST_CONSENT = 200  # characters; a plain yes is short
_YES = word_set(
    """yes yeah yep yup sure ok okay absolutely definitely correct right confirm confirmed agreed affirmative y
    ja jawohl klar genau sicher gerne natürlich einverstanden
    oui ouais volontiers
    sí si claro vale dale adelante correcto"""
)
_YES_PHRASES = (
    "go ahead", "do it", "do so", "please do", "of course", "mach das", "mach es", "in ordnung", "d'accord", "vas-y",
    "allez-y", "bien sûr", "por supuesto", "de acuerdo", "hazlo",
)  # fmt: skip
_FILLER = word_set(
    """please do so it that this these those them all both everything of the one ones number numbers no. only just and
    forget delete erase remove memory memories thanks thank you i am i'm want to
    bitte das die den es alle alles beide nur und vergiss lösche nummer danke
    stp svp les la le l' tout tous toutes deux seulement et oublie efface numéro merci
    por favor lo los las el todo todos todas ambos ambas solo sólo y olvida bórralo bórralos
    olvídalo olvídalos gracias"""
)
_ORDINALS = {
    word: number
    for number, words in enumerate(
        (
            "first one erste ersten erstes premier première primero primera",
            "second two zweite zweiten zweites deuxième segundo segunda",
            "third three dritte dritten drittes troisième tercero tercera",
            "fourth four vierte vierten quatrième cuarto cuarta",
            "fifth five fünfte fünften cinquième quinto quinta",
        ),
        1,
    )
    for word in words.split()
    if word != "one"
}
_EVERY = word_set("all everything alle alles tous toutes tout todos todas todo")
_OF_THEM = word_set("them these those sie diese les los las ellos ellas")
_BOTH = word_set("both beide beiden deux ambos ambas")
_NO = word_set(
    """no no. nope nah not don't yet now know none never nothing later but except maybe perhaps probably unsure dunno
    nein noch jetzt nee nö nicht nichts kein keine keinen niemals später aber außer ausser vielleicht lieber
    non pas aucun aucune jamais rien mais sauf peut-être plutôt
    nada ninguno ninguna nunca jamás pero salvo quizás quizá acaso mejor"""
)
_KEEPING = word_set("keep leave behalte behalt lass lasse garde laisse deja conserva guarda")
_LEAD_IN = re.compile(rf"^(?:(?:{HESITATION})\b[\s,.!]*)+")
_BEARER = word_set("am i'm")  # "I am 42" chooses nothing
_ARTICLES = word_set("a an my our your der dem des du mein meine meinen unser unsere l el un une una mon ma mes mi mis")
_RANGE = re.compile(r"#?\b(\d{1,3})\s*(?:-|–|—|\b(?:to|through|bis|à|a|hasta)\b)\s*#?(\d{1,3})\b")
_LONGEST_RANGE = 100
_LISTED = re.compile(r"^([0-9]+)\. (.*)$", re.MULTILINE)
_HEDGE = re.compile(
    r"\b(?:no|not|never|wait|but|except|instead|keep|don'?t|nein|nicht|kein\w*|aber|außer|ausser|non|pas|mais|sauf|pero"
    r"|salvo|nunca)\b(?!\.)"
)


@dataclass(frozen=True, slots=True)
class Consent:
    """A yes to the things with these `numbers`, counted from 1, or to all of them if there are none.

    `about` is the request that the yes repeats: "yes, forget the password".
    """

    numbers: tuple[int, ...] = ()
    about: str = ""


def numbered_lines(question: str) -> list[str]:
    """Return the lines that a question numbers from 1, without their numbers."""
    found: list[str] = []
    for number, line in _LISTED.findall(question):
        found += [line] if int(number) == len(found) + 1 else []
    return found


def consent_to(text: str, listed: Sequence[str]) -> Consent | None:
    """Read a plain yes, or the name of exactly one of the things that a question has listed."""
    consent = consent_in(text)
    if consent is not None and not consent.about:
        return consent
    said = _normalise(text)
    if len(listed) == 2 and _says_both(said):
        return Consent()
    if len(said) > LONGEST_CONSENT or "?" in said or _HEDGE.search(said):
        return consent
    named = frozenset(words(said)) - _YES - _FILLER - _ARTICLES
    holding = tuple(number for number, line in enumerate(listed, 1) if named and named <= frozenset(words(line)))
    if len(holding) == 1 and (consent or len(listed) > 1):
        return Consent(holding)
    if consent and holding and len(holding) == len(listed):
        return Consent()
    return consent


def begins_an_answer(text: str) -> bool:
    """Return whether a text begins with a yes, a no or a maybe, whatever follows: "yes, but keep the second"."""
    return begins_a_yes(text) or begins_a_no(text)


def begins_a_no(text: str) -> bool:
    return _first_word(text) in _NO | _KEEPING


def begins_a_yes(text: str) -> bool:
    """Return whether the writer of a text may believe to have agreed, whatever follows the yes."""
    return _first_word(text) in _YES or _normalise(text).startswith(_YES_PHRASES)


def only_answers(text: str) -> bool:
    """Return whether a text is nothing but a yes, a no, a maybe or numbers."""
    said = TOKEN.findall(_normalise(text))
    if not said or not _BEARER.isdisjoint(said):
        return False
    known = _YES | _NO | _FILLER | _EVERY
    is_plain = all(word in known or word.strip("#").isdecimal() or _number(word) for word in said)
    return is_plain and any(word in _NO | _BOTH or word not in _FILLER for word in said)


def _says_both(said: str) -> bool:
    tokens = frozenset(TOKEN.findall(said))
    return not tokens.isdisjoint(_BOTH) and tokens <= _BOTH | _FILLER


def _first_word(text: str) -> str:
    found = TOKEN.match(_LEAD_IN.sub("", _normalise(text)))
    return found[0] if found else ""


def _normalise(text: str) -> str:
    """Return a text in lower case and on one line."""
    return " ".join(text.lower().replace("’", "'").split())


def consent_in(text: str) -> Consent | None:
    """Read a plain yes; None if any word is neither a yes, a number nor a filler.

    A yes may also stand before the request to forget that it repeats.
    """
    said = _normalise(text)
    if not said or len(said) > LONGEST_CONSENT or "?" in said or _HEDGE.search(said):
        return None
    said = _RANGE.sub(_write_out_range, said)
    phrase = next((phrase for phrase in _YES_PHRASES if phrase in said), "")
    tokens = TOKEN.findall(said.replace(phrase, " ", 1) if phrase else said)
    first, rest = said.partition(" ")[::2]
    if first.strip(",.!") in _YES and (about := find_request(rest.lstrip(",.! "))) is not None:
        return Consent(about=about)
    numbers = [_number(token) for token in tokens]
    others = [token for token, number in zip(tokens, numbers, strict=True) if not number]
    if any(token not in _YES | _FILLER | _EVERY for token in others):
        return None
    chosen = tuple(dict.fromkeys(number for number in numbers if number))
    says_yes = bool(phrase) or any(token in _YES for token in others)
    if not (says_yes or _BEARER.isdisjoint(others)):
        return None
    is_all = not _EVERY.isdisjoint(others) and (find_request(said) is None or not _OF_THEM.isdisjoint(others))
    is_yes = bool(says_yes or chosen or is_all)
    return Consent(chosen) if is_yes else None


def _write_out_range(span: re.Match[str]) -> str:
    """Write out the numbers of a range."""
    first, last = int(span[1]), int(span[2])
    is_range = first <= last <= first + _LONGEST_RANGE
    return " ".join(map(str, range(first, last + 1))) if is_range else f"{first} {last}"


def _number(token: str) -> int:
    """Return the number that a token says; 0 if it says none."""
    digits = token.lstrip("#")
    return int(digits) if digits.isdecimal() else _ORDINALS.get(token, 0)
