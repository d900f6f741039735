"""Languages of texts, detected by their stop words: these are left out, and the other words stemmed.

The lists are closed classes, written for this: articles, pronouns, prepositions, conjunctions, question words, forms of
to be and to have. To add a language is to add its list: Snowball stems some thirty.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

import snowballstemmer


@dataclass(frozen=True, slots=True)
class Language:
    """A language; `name` is Snowball's. `elided`: what loses its vowel before another word and is written with it."""

    name: str
    stop_words: frozenset[str]
    elided: frozenset[str] = frozenset()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ENGLISH = Language(
    "english",
    _words("""
    a about after all also am an and any are as at be because been before being both but by can could d did do
    does doing during each few for from had has have having he her here hers him his how i if in into is it
    its just ll m me more most my no nor not of on only or other our ours own re s same she should so some
    such t than that the their theirs them then there these they this those to too us ve very was we were what
    when where which while who whom whose why will with would you your yours
    """),
)
GERMAN = Language(
    "german",
    _words("""
    aber als am an auch auf aus bei bin bis bist da dann das dass dein deine deinem deinen deiner dem den denn der
    des dich die dir doch du durch ein eine einem einen einer eines er es euch euer eure für gegen hab habe haben
    hat hatte hatten hättest hast ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ist ja jede jedem jeden jeder
    jedes kann kannst kein keine keinem keinen keiner können könnte man mein meine meinem meinen meiner mich mir
    mit muss nach nicht noch nun nur ob oder ohne sein seine seinem seinen seiner seit sich sie sind so soll
    sondern über um und uns unser unsere unserem unseren unter vom von vor wann war waren warst warum was weil
    welche welchem welchen welcher welches wem wen wenn wer werden wessen wie wieder wieso will wir wird wirst wo
    woher wohin wurde wurden würde zu zum zur zwischen
    """),
)
FRENCH = Language(
    "french",
    _words("""
    à ai aie ainsi alors après as au aucun aucune aussi autre aux avaient avais avait avant avec avez avoir avons
    c car ce cela celle celles celui ces cet cette ceux chaque chez combien comme comment d dans de depuis des
    dont donc du elle elles en encore entre es est et était étaient étais été être eu eux fait fut il ils j je l
    la là le les leur leurs lequel laquelle lors lui m ma mais me même mes moi mon n ne ni nos notre nous on ont
    ou où par parce pas pendant peu peut plus pour pourquoi puis qu quand que quel quelle quelles quels qui quoi
    s sa sans se sera ses si son sont sous suis sur t ta te tes toi ton tous tout toute toutes très tu un une va
    vers voici voilà vos votre vous y
    """),
    elided=frozenset(("c", "d", "j", "jusqu", "l", "lorsqu", "m", "n", "puisqu", "qu", "quelqu", "s", "t")),
)
SPANISH = Language(
    "spanish",
    _words("""
    a adonde adónde al algo algún alguna algunas alguno algunos ante antes aquel aquella aquellas aquellos aquí así
    aunque cada como cómo con contra cual cuál cuáles cuando cuándo cuanto cuánta cuántas cuánto cuántos de del
    desde después donde dónde dos durante e el él ella ellas ellos en entre era eran eras eres es esa esas ese
    eso esos esta está están estas estaba estaban este esto estos estoy fue fueron ha había habían han has hasta hay
    he hemos la las le les lo los más me mi mí mis mucho muy nada ni no nos nosotros nuestra nuestras nuestro
    nuestros o os otra otras otro otros para pero poco por porque pues que qué quien quién quienes quiénes se sea
    ser si sí sido sin sobre son soy su sus también tan te ti tiene tienen todo todos tu tú tus un una unas uno
    unos vosotros y ya yo
    """),
)
UNKNOWN = Language("", frozenset())  # nothing is left out and nothing is stemmed

OTHERS = (GERMAN, FRENCH, SPANISH)
EVERY = (ENGLISH, *OTHERS)
ENOUGH = 2  # small words that speak for a language other than English
LONGEST_WORD = 64  # characters; what is longer has no stem, and a stemmer would take its time
LONG = 12  # words: a longer text without a single small word is in a language that is not known here

_stemmers = {language.name: snowballstemmer.stemmer(language.name) for language in EVERY}
_stemming = Lock()  # a stemmer keeps what it works on, and several threads read texts


def detect_language(words: Iterable[str]) -> Language | None:
    """Return the language of most of the distinct stop words among `words` (lower case); None without any."""
    distinct = {word.partition("'")[0] for word in words}
    english = len(distinct & ENGLISH.stop_words)
    count, other = max(((len(distinct & other.stop_words), other) for other in OTHERS), key=lambda found: found[0])
    if count >= ENOUGH and count > english:
        return other
    return ENGLISH if english else None


def language_of(words: Sequence[str]) -> Language:
    """Return the language that a text is indexed in; a few words by themselves count as English."""
    return detect_language(words) or (UNKNOWN if len(words) >= LONG else ENGLISH)


def question_languages(words: Sequence[str]) -> tuple[Language, ...]:
    """Return the languages in which a question's words may stand in the index, its own first.

    A short text in any language may be indexed as English, a question without stop words may be in any language.
    """
    language = detect_language(words)
    if language is None:
        return (*EVERY, UNKNOWN)
    return (ENGLISH,) if language is ENGLISH else (language, ENGLISH)


@lru_cache(maxsize=200_000)
def stem(word: str, language: Language = ENGLISH) -> str:
    """Stem a word in lower case, without what is elided before it."""
    before, apostrophe, after = word.partition("'")
    if apostrophe and before in language.elided:
        word = after
    if language is UNKNOWN or len(word) > LONGEST_WORD:
        return word
    with _stemming:
        return str(_stemmers[language.name].stemWord(word))


def is_stop_word(word: str, language: Language) -> bool:
    """Return whether the word (lower case) is in every text; so too where only something elided stands before it."""
    before, apostrophe, after = word.partition("'")
    return word in language.stop_words or bool(
        apostrophe and before in language.elided and after in language.stop_words
    )
