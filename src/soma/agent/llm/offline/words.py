"""Words of English as the offline model sees them: stems and stop words. Pure."""

import threading
from functools import lru_cache

import snowballstemmer

from soma.agent.speech import word_set, words

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

LONGEST_WORD = 64  # characters; what is longer has no stem

_local = threading.local()


def content_stems(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order."""
    return [stem(word) for word in words(text) if word not in STOP and word.split("'")[0] not in STOP]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A stemmer keeps its word in itself, so each thread has its own."""
    if len(word) > LONGEST_WORD:
        return word
    if not hasattr(_local, "stemmer"):
        _local.stemmer = snowballstemmer.stemmer("english")
    stemmed: str = _local.stemmer.stemWord(IRREGULAR.get(word, word))
    return stemmed
