"""Telling words of a text, and sentences that only ask, in scripts without spaces too. Pure.

Words of such scripts are indexed as pairs of signs. A pair is of one word only where the script shows it: two signs of
Han, two of Katakana, or the first two of a run of Hangul. A pair with Hiragana is of a particle or an ending; one of
Thai or Khmer may be of two words.
"""

import re

from soma.memory.index.traits import only_asks
from soma.memory.text.folding import fold
from soma.memory.text.sentences import find_sentences
from soma.memory.text.words import SPACELESS

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
SPACELESS_WORD = re.compile(f"[{SPACELESS}]")
CONTENT_RUN = re.compile(f"(?P<pairs>[{HAN}]{{2,}}|[\u30a1-\u30fa\u30fc]{{2,}})|(?P<word>[\uac00-\ud7a3]{{2,}})")
ENDINGS = frozenset("ーァィゥェォャュョッンヮ")  # of Katakana, in any word: as in -ション
FUNCTION_SIGNS = frozenset(
    "的了是在我你您他她它们們这這那不也都就和与與及有没沒吗嗎呢吧啊么麼什哪怎为為个個可以很还還被把对對从從到"
    "何誰時日今明昨年月週周分前後午毎每一二三四五六七八九十百千万萬円元第"
)  # pronouns, particles, numbers and times: in texts about anything
MARKS = ("?", "？", "؟", "\u037e", "՞", "፧")
LONGEST_END = 20  # signs
CLOSING = "」』”\"')） "
ASKING_ENDS = re.compile(
    r"(?:か(?:な|しら|ね)?|吗|嗎|呢|(?:까|나|가)요?|ไหม|มั้ย|หรือไม่|หรือเปล่า|หรือยัง)(?:คะ|ครับ|ค่ะ)?[。．.]?\Z"
)


def asks(sentence: str) -> bool:
    """Return whether a sentence is a question, by its mark or, in Asian languages that need none, by its end."""
    stripped = sentence.strip().rstrip(CLOSING)
    if stripped.endswith(MARKS) or only_asks(stripped):
        return True
    return ASKING_ENDS.search(stripped[-LONGEST_END:]) is not None


def only_questions(text: str) -> bool:
    """Return whether every sentence of a text asks."""
    return all(asks(text[start:end]) for start, end in find_sentences(text))


def is_spaceless(word: str) -> bool:
    return SPACELESS_WORD.search(word) is not None


def find_content_pairs(text: str) -> frozenset[str]:
    """Return the pairs of signs of a text that are of words with a meaning of their own."""
    found: set[str] = set()
    for run in CONTENT_RUN.finditer(fold(text)):
        if run["word"]:
            found.add(run["word"][:2])
            continue
        signs = run["pairs"]
        pairs = (signs[place : place + 2] for place in range(len(signs) - 1))
        found.update(pair for pair in pairs if FUNCTION_SIGNS.isdisjoint(pair) and ENDINGS.isdisjoint(pair))
    return frozenset(found)
