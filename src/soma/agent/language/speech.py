"""Forms of sentences: questions, requests, bare names and statements, the only ones that are evidence. Pure."""

import re

from soma.agent.language.spelling import distance_of
from soma.agent.language.vocabulary.lead_ins import ADDRESS, WISH, lead_in
from soma.agent.language.vocabulary.question_words import FRENCH_WORDS, GERMAN_WORDS, SPANISH_WORDS, WH
from soma.agent.language.words import sentences, word_set, words

_VERBS = word_set("am are can could did do does had has have is may might shall should was were will would")
_ASKING = WH | _VERBS  # begin a question
_AUXILIARY = _VERBS | word_set("long many much often old")  # follow a question word
_A_SLIP_AWAY = word_set("wham wheat whet whey whim whit whole whore wren")  # near to a question word
_SHORTEST_SLIP = 4  # letters; in a shorter question word only a swap counts as a slip
_ASKING_ELSEWHERE = re.compile(
    rf"^\W*(?:(?:{GERMAN_WORDS}|welche[rsmn]? \w+)"
    r" (?:ist|sind|war|waren|hat|haben|hatte|habe|kann|können|wird|werden|wurde|muss|soll|heißt|liegt|liegen|steht"
    r"|stehen|kommt|kommen|kostet|geht|beginnt|viele?)\b"
    rf"|qu'est-ce|est-ce que\b|(?!que\b)(?:{FRENCH_WORDS}|quel(?:le)?s? \w+)"  # `que` begins wishes too
    r" (?:est|sont|était|étaient|a|ont|peut|faut|dois|s'appelle|coûte|commence)\b"
    rf"|(?:{SPANISH_WORDS})"
    r" (?:es|está|están|son|era|fue|se|ha|hay|tiene|puede|cuesta|empieza)\b)",
    re.IGNORECASE,
)
REQUEST = re.compile(
    rf"^{lead_in(ADDRESS, WISH)}"
    r"(?:answer|calculate|compare|compute|convert|count|define|delete|describe|download|draw|explain|fetch|find|forget"
    r"|generate|give|list|look|open|print|quote|read|recall|remove|repeat|run|search|send|show|solve|summari[sz]e"
    r"|tell|translate|write)\b(?!\s*,)",
    re.IGNORECASE,
)
_BARE_ORDER = re.compile(
    rf"{lead_in(ADDRESS, WISH)}(?:can you |could you )?"
    r"(?:(?:remember|note|save|store|memori[sz]e|keep|write)(?: (?:that|this|it|down|in mind|for me|please))*"
    r"|(?:merke?|notiere?|speicher)(?: (?:dir|es|das|dies|bitte|dass))*"
    r"|(?:souviens-toi|retiens|note)(?: (?:de|que|ça|cela|ceci|bien))*"
    r"|(?:recuerda|anota|guarda|apunta)(?: (?:que|esto|eso))*|覚えて(?:おいて)?(?:ください|くれ)?|メモ(?:して)?|จำไว้)",
    re.IGNORECASE,
)
LONGEST_LABEL = 6  # words of what only names a thing
_PLEASE = re.compile(r"[\s,]+(?:please|pls|bitte|por favor|s['’]il (?:te|vous) pla[iî]t|svp|stp)$", re.IGNORECASE)
_LETTERS_ONLY = re.compile(r"[^\W\d_]+(?:[ -]+[^\W\d_]+)*")
_ENGLISH = WH | word_set("my our your the")  # begin the name of a thing
_NAMING = _ENGLISH | word_set("mein meine meinen unser unsere unseren mon ma mes notre nos mi mis nuestro nuestra")
_FINITE = word_set(
    """am are is was were be been has have had do does did can could may might must shall should will would
    ate became began bit blew bought broke brought built burnt came caught chose cost cut dealt died drank drew drove
    fed fell felt flew forgot fought found froze gave got grew heard held hid hit hung hurt kept knew laid led left
    lent let lied lit lost made meant met paid put quit ran rang read rode rose said sang sank sat saw sent set shook
    shot shut slept sold spent split spoke spread stole stood struck stuck swam swore taught thought threw told took
    tore understood went woke won wore wrote
    and belong call come cry eat fly forget get give go hate keep know like live love make need note owe own play prefer
    remember run save say see sleep smoke speak study take think use want work
    i he she it we they you
    ist sind war waren hat haben heißt kann wird lautet fährt steht liegt wohnt geht kommt kostet gibt hält hängt
    beginnt endet öffnet schließt arbeitet est sont était a ont es son era tiene está"""
)
_INFLECTED = re.compile(r"(?:(?<!s)s|ed|ing)$")
_ENDING = re.compile(r"(?:(?<!s)s|ed)$").search  # of a verb that is finite


_ASKING_IN_JAPANESE = re.compile(
    r"(?:で|ま)(?:す|した)か$|ませんか$|[うるたのい]か(?:な|ね|しら)?$"
    r"|(?:何|なに|なん|どこ|どれ|どちら|いつ|誰|だれ|いくら|いくつ|なぜ|どう(?!も|か|せ|して(?:も|か)))(?![かもで]|でも)(?!.*[。．])"
)
_ASKING_IN_THAI = re.compile(
    r"อะไร|ไหน|เมื่อไหร่|เมื่อไร|ใคร(?!่|ๆ)|เท่าไหร่|เท่าไร|(?<!เ)กี่|ทำไม|อย่างไร|ยังไง|หรือไม่|หรือเปล่า|หรือยัง"
    r"|(?:ไหม|มั้ย|มั๊ย)(?:ครับ|ค่ะ|คะ|นะ|จ๊ะ|\s)*$"
)
_ANYTHING_IN_THAI = re.compile(r"ไม่\S{0,8}?(?:อะไร|ใคร|ไหน)|(?:อะไร|ใคร|ไหน|เมื่อไหร่|เท่าไหร่)\s?ก็")  # nothing, anything


def is_question(text: str) -> bool:
    """Return whether a text is a question, by its mark or by its form.

    Without a mark, a question word stands before an auxiliary; it may be mistyped: 'waht is my name'.
    """
    if text.rstrip("\"'”’) ").endswith(("?", "？", "؟")):
        return True
    if _asks_in_script(text):
        return True
    if text.rstrip().endswith(("!", ".")):
        return False
    if _ASKING_ELSEWHERE.match(text.replace("’", "'")):
        return True
    first, second, *_ = [*words(text), "", ""]
    if first in _ASKING and first not in WH:
        return True
    return intended_question_word(first) is not None and second in _AUXILIARY


def _asks_in_script(text: str) -> bool:
    """Return whether a text asks in Japanese or Thai, which write a question without its mark."""
    if text.isascii():
        return False
    bare = text.rstrip(" 。．.!！")
    return bool(_ASKING_IN_JAPANESE.search(bare if bare.endswith("か") else text.rstrip())) or bool(
        _ASKING_IN_THAI.search(_ANYTHING_IN_THAI.sub("", bare))
    )


def intended_question_word(word: str) -> str | None:
    """Return the question word that a word is or was meant to be ("wher", "waht"), or None."""
    if word in WH or word in _A_SLIP_AWAY or not word.startswith(("w", "hw")):
        return word if word in WH else None
    return next((asking for asking in sorted(WH) if _is_slip(word, asking)), None)


def _is_slip(word: str, asking: str) -> bool:
    if len(asking) < _SHORTEST_SLIP and sorted(word) != sorted(asking):
        return False
    return word not in _ASKING and distance_of(word, asking, 1) <= 1


def is_request(text: str) -> bool:
    """Return whether a text is an order to the agent: 'read the document a.md'. "Remember that ..." is a statement."""
    return bool(REQUEST.match(text.strip()))


def is_bare_name(text: str) -> bool:
    """Return whether a text only names a thing, as people type into a search: 'my cabin code please'.

    Such a text is short, of plain words, begins as a name or a question does, and has no word that may be a finite
    verb. Doubtful texts are statements: 'Ann, 5 May' and 'Rex barks' are notes.
    """
    text = text.strip()
    named = _PLEASE.sub("", text)
    said = named.lower().split()
    if not _LETTERS_ONLY.fullmatch(named) or len(said) > LONGEST_LABEL or not _FINITE.isdisjoint(said):
        return False
    if named != text or said[0] in WH:
        return said[0] in _NAMING
    return said[0] in _ENGLISH and not any(map(_INFLECTED.search, said))


def may_have_verb(text: str) -> bool:
    """Return whether any word may be a finite verb. A participle, as in "using it offline", is none."""
    said = words(text)
    return not _FINITE.isdisjoint(said) or any(map(_ENDING, said))


def orders_to_remember_nothing(text: str) -> bool:
    """Return whether a text only orders to remember, and not what: "remember", "merk dir das"."""
    return _BARE_ORDER.fullmatch(text.strip(" \t.!:,…。！：、")) is not None


def has_statement(text: str) -> bool:
    """Return whether any sentence of a text states something."""
    return any(map(is_statement, sentences(text)))


def is_statement(sentence: str) -> bool:
    return not (is_question(sentence) or is_request(sentence) or is_bare_name(sentence))
