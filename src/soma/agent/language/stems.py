"""Stems and stop words of English, German, French and Spanish. Pure."""

import re
import threading
from functools import lru_cache

import snowballstemmer

from soma.agent.language.words import word_set, words

STOP = word_set(
    """a about after again ago all also am an and any anything are as at be been before being but by can could did
    do does doing done down during ever for from get gets getting got had has have having he her here hers him his
    how i if in into is it its just let like ll many me mine more most much my no not now of off on once one only
    or other our ours out over own please re really s same say said says she should so some soma something such t
    tell than that the their theirs them then there these they thing things this those through to today too under
    until up us ve very was we were what when where which while who whom whose why will with would yes you your
    yours"""
)

# Past forms that stemming leaves apart from their verb.
IRREGULAR = dict(
    pair.split(":", 1)
    for pair in word_set(
        """ate:eat eaten:eat became:become began:begin begun:begin bought:buy broke:break broken:break
    brought:bring built:build came:come caught:catch chose:choose chosen:choose children:child drank:drink
    drew:draw drawn:draw drove:drive driven:drive fed:feed fell:fall felt:feel fought:fight flew:fly found:find
    forgot:forget forgotten:forget gave:give given:give goes:go gone:go grew:grow grown:grow heard:hear held:hold
    kept:keep knew:know known:know laid:lay led:lead left:leave lost:lose made:make making:make mice:mouse
    meant:mean met:meet mom:mother mum:mother dad:father kid:child kids:child paid:pay ran:run rang:ring
    rode:ride ridden:ride rose:rise sang:sing sung:sing sat:sit saw:see seen:see sent:send slept:sleep sold:sell
    spent:spend spoke:speak spoken:speak stole:steal stood:stand swam:swim taught:teach taken:take took:take
    thought:think threw:throw thrown:throw told:tell understood:understand went:go woke:wake won:win wore:wear
    worn:wear wrote:write written:write named:name called:name"""
    )
)

# Small words of other languages: who asks with two of them asks in that language.
SMALL = {
    "german": word_set(
        """aber alle als am an auch auf aus bei beim bin bis bitte da das dass dein deine dem den der des die diese
        dieser dieses du ein eine einem einen einer eines er es für gibt habe haben hat hatte heißt ich ihr im in ins
        ist ja kann können man mein meine mit muss müssen nach nicht noch nur ob oder sein seine sich sie sind so soll
        über um und uns unser unsere vom von vor wann war waren warum was welche welchem welchen welcher welches wem
        wen wenn wer werden wie wieso wir wird wo wohin wollen worin wozu wurde wurden zu zum zur viel viele machen
        macht"""
    ),
    "french": word_set(
        """a ai après as au aux avec avez ce cela ces cet cette combien comme comment dans de depuis des doit du elle
        elles en est et était être faire fait faut il ils je la le les leur leurs lors ma mais mes mon ne nos notre
        nous on ont ou où par pas pendant peut plus pour pourquoi qu quand que quel quelle quelles quels qui quoi sa
        se ses si son sont sur ta te tes ton tu un une vient vos votre vous y l d s c j n m t"""
    ),
    "spanish": word_set(
        """a al como cómo con cual cuál cuales cuáles cuando cuándo cuanta cuánta cuantas cuántas cuanto cuánto cuantos
        cuántos de del desde donde dónde el él ella en entre era eres es esta está están este esto estos fue ha hace
        han hasta hay la las le les lo los más me mi mis muy no nos nuestra nuestro o para pero por porqué puede
        pueden que qué quien quién quienes quiénes se ser si sí sobre son su sus te tiene tienen tu tus un una unas
        uno unos y ya"""
    ),
}

LONGEST_WORD = 64  # characters; what is longer has no stem

ENGLISH = "english"
FEW = 2
ELIDED = re.compile(r"\b(?:qu|[cdjlmnst])'(?=\w)")  # l'écran

_local = threading.local()


def content_stems(text: str, language: str = ENGLISH) -> list[str]:
    """Return the stems of the words that carry meaning, in order."""
    return [stem(word, language) for word in words(text) if not is_small(word, language)]


def language_of(text: str) -> str:
    """Return the language with the most small words in a text, if it has two or more; else English."""
    found = ELIDED.sub(" ", text.lower().replace("\u2019", "'"))
    counts = {language: sum(word in small for word in words(found)) for language, small in SMALL.items()}
    best = max(counts, key=lambda language: counts[language])
    english = sum(word in STOP for word in words(found))
    return best if counts[best] >= FEW and counts[best] > english else ENGLISH


def is_small(word: str, language: str = ENGLISH) -> bool:
    """Return whether a word carries no meaning by itself."""
    if language != ENGLISH:
        return word in SMALL[language]
    return word in STOP or word.partition("'")[0] in STOP


@lru_cache(maxsize=50_000)
def stem(word: str, language: str = ENGLISH) -> str:
    """Return the stem of a word. Each thread has its own stemmers, because a stemmer keeps its word as state."""
    if len(word) > LONGEST_WORD:
        return word
    if language != ENGLISH:
        word = word.rpartition("'")[2]
    stemmers = _local.__dict__.setdefault("stemmers", {})
    if language not in stemmers:
        stemmers[language] = snowballstemmer.stemmer(language)
    stemmed: str = stemmers[language].stemWord(IRREGULAR.get(word, word) if language == ENGLISH else word)
    return stemmed
