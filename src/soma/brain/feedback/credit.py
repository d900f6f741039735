"""Credit that nobody has to give: what happened to an answer, and which of the shown memories it speaks of. Pure.

asked_again         the person put the question again, in other words: the first answer failed, and what the second one
                    rests on answers it
corrected_in_chat   the person said what is right in the next message: what the answer rests on was wrong
used_by_tool        a tool worked with words that only a memory can have brought
copied              the person copied a passage that a memory holds

Each becomes a feedback whose `source` says so, or a reason why nothing is learned of it. Nothing asks a language model.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import numpy as np

from soma.brain.context.bundles import Bundle
from soma.brain.context.corrections import LEAST, MOSTLY
from soma.brain.wire.requests import Credit, Feedback
from soma.memory.text.folding import fold
from soma.memory.text.languages import language_of
from soma.memory.text.words import content_words, tokens

SOON = 600.0  # seconds between a question and the same one again
SIMILAR = 0.4  # least cosine of a question and the same one again; two that share their words need only LEAST
FEWEST = 2  # rare words that tell which memory was used, where one is not half of all
DIGITS = 3  # in a word that is rare by itself
SHOWN_SHARE = 3  # a word is rare if at most one memory in so many of those shown holds it
WORD = re.compile(r"[^\W\d_][\w'’-]*")
QUESTION_WORDS = {  # what a question asks for: one that asks for another thing is another question
    "when": "time", "wann": "time", "quand": "time", "cuándo": "time",
    "where": "place", "wo": "place", "wohin": "place", "woher": "place", "où": "place", "dónde": "place",
    "who": "person", "whom": "person", "whose": "person", "wer": "person", "wem": "person", "wen": "person",
    "qui": "person", "quién": "person", "quiénes": "person",
    "why": "reason", "warum": "reason", "wieso": "reason", "pourquoi": "reason",
}  # fmt: skip

NOT_AGAIN, NOT_SOON, SAME_ANSWER = "another_question", "too_late", "same_answer"
NOT_SHOWN, NO_MEMORY = "not_shown", "no_memory"

Wordings = tuple[Sequence[float], Sequence[float]]


class Happening(NamedTuple):
    """A report with what was looked up for it: the bundles, and the texts of what was shown, by id.

    `wordings` are the vectors of the two questions without the names that they share; None where they share none.
    """

    body: Credit
    bundle: Bundle
    again: Bundle | None
    texts: Mapping[str, str]
    wordings: Wordings | None = None


def feedback_of(happening: Happening, *, credit: float) -> Feedback | str:
    """Return the feedback that the happening stands for, or the reason why there is none."""
    match happening.body.source:
        case "asked_again":
            return _decide_again(happening)
        case "corrected_in_chat":
            return _decide_correction(happening, credit)
        case "used_by_tool":
            return _name_helpful(happening, find_used(happening.body, happening.bundle.query, happening.texts))
        case "copied":
            return _name_helpful(happening, find_copied(happening.body.words or "", happening.texts))


def _name_helpful(happening: Happening, helpful: Sequence[str]) -> Feedback | str:
    return _feedback(happening, helpful=tuple(helpful)) if helpful else NO_MEMORY


def _feedback(happening: Happening, **said: object) -> Feedback:
    body = happening.body
    plain = {
        "conversation_id": body.conversation,
        "bundle_id": body.bundle_id,
        "turn_id": body.turn_id,
        "query": body.question,
        "source": body.source,
    }
    return Feedback(**plain, **said)  # type: ignore[arg-type]  # mypy joins the types of all fields


# A question asked again


def _decide_again(happening: Happening) -> Feedback | str:
    """Credit what the second answer rests on and the first did not, if it was shown the first time."""
    body, first, second = happening.body, happening.bundle, happening.again
    if body.again is None or second is None:
        return "unknown_bundle"
    if (why := why_not_again(first, second, wordings=happening.wordings)) is not None:
        return why
    before, after = set(body.used), set(body.again.used)
    shown = {memory_id for memory_id, _ in first.shown}
    helpful = tuple(name for name in body.again.used if name in shown and name not in before)
    if not after - before:
        return SAME_ANSWER
    if not helpful:
        return NOT_SHOWN
    failed = tuple(name for name in body.used if name in shown and name not in after)
    return _feedback(happening, helpful=helpful, unhelpful=failed, again=second.bundle_id)


def why_not_again(first: Bundle, second: Bundle, *, wordings: Wordings | None = None) -> str | None:
    """Return why the second bundle's question is not the first one asked again; None where it is.

    It is if the same person asked it in the same conversation soon after, for the same kind of thing, with the same
    numbers, and of nobody and nothing else; and if it is near in meaning, or nearer than LEAST and with the same words.
    Names that both have say nothing of that, so they are left out: two questions about one person are near by her name.
    """
    if first.conversation_id != second.conversation_id or first.bundle_id == second.bundle_id:
        return NOT_AGAIN
    if not 0.0 < seconds_between(first.bundle_id, second.bundle_id) <= SOON:
        return NOT_SOON
    one, other = _question(first.query), _question(second.query)
    if one.numbers != other.numbers or (one.asks and other.asks and one.asks.isdisjoint(other.asks)):
        return NOT_AGAIN
    if one.names - other.names and other.names - one.names:
        return NOT_AGAIN
    texts = drop_shared_names(first.query, second.query)
    least = LEAST if _share(*map(_stems, texts or (first.query, second.query))) >= MOSTLY else SIMILAR
    return None if cosine(*(wordings or (first.embedding, second.embedding))) >= least else NOT_AGAIN


def drop_shared_names(one: str, other: str) -> tuple[str, str] | None:
    """Return two questions without the names that both have; None where they share none.

    A name is a word with a capital that does not begin the question; in German that is every noun.
    """
    shared = _question(one).names & _question(other).names
    return (_drop_names(one, shared), _drop_names(other, shared)) if shared else None


def _drop_names(text: str, names: frozenset[str]) -> str:
    """Return a text without some names; whole where it would be empty."""
    left = WORD.sub(lambda word: "" if _name(word[0]) in names else word[0], text)
    return " ".join(left.split()) if WORD.search(left) else text


def _name(word: str) -> str:
    return fold(word).replace("’", "'").removesuffix("'s")


class _Question(NamedTuple):
    numbers: frozenset[str]
    names: frozenset[str]
    asks: frozenset[str]


def _question(text: str) -> _Question:
    found = tokens(text)
    _, *later = [*WORD.findall(text), ""]
    names = frozenset(_name(word) for word in later if word[:1].isupper() and len(word) > 1)
    return _Question(
        frozenset(word for word in found if any(sign.isdigit() for sign in word)),
        names,
        frozenset(QUESTION_WORDS[word] for word in found if word in QUESTION_WORDS),
    )


def seconds_between(first: str, second: str) -> float:
    """Return the seconds from the making of one UUID of version 7 to that of another; infinite for other ids."""
    try:
        return ((UUID(second).int >> 80) - (UUID(first).int >> 80)) / 1000.0
    except ValueError:
        return float("inf")


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the cosine of two unit vectors (0 for a vector of another model)."""
    return float(np.dot(np.asarray(one), np.asarray(other))) if len(one) == len(other) else 0.0


# A correction in the chat


def _decide_correction(happening: Happening, credit: float) -> Feedback | str:
    """Dismiss what the answer rests on, unless it holds the right value; credit what was shown and holds that.

    The answer is bad, but for less than a thumb down.
    """
    body, bundle = happening.body, happening.bundle
    if body.correction is None:
        return "no_correction"
    shown = [memory_id for memory_id, _ in bundle.shown]
    asked = _stems(body.question or bundle.query)
    right = _stems(body.words or body.correction.text) - asked
    holding = [name for name in shown if right and right <= _stems(happening.texts.get(name, ""))]
    wrong = tuple(name for name in body.used if name in shown and name not in holding)
    helpful = () if len(holding) == len(shown) else tuple(holding)
    return _feedback(happening, helpful=helpful, unhelpful=wrong, correction=body.correction, reward=-credit)


# A tool that used a memory, a passage that was copied


def find_used(body: Credit, asked: str, texts: Mapping[str, str]) -> list[str]:
    """Find the memories whose words went into the arguments of a tool call.

    The words are telling ones that the person did not write and that few of the shown memories hold. Of a memory two
    are needed, or one that has digits or is half of what the arguments hold beside the person's words.
    """
    own = frozenset[str]().union(*(_stems(text) for text in (asked, *body.said)))
    foreign = _stems(body.words or "") - own
    held = {name: foreign & _stems(text) for name, text in texts.items()}
    rare = {word for word in foreign if 0 < _count(word, held.values()) <= max(1, len(texts) // SHOWN_SHARE)}
    telling = {name: words & rare for name, words in held.items()}
    most = max((len(words) for words in telling.values()), default=0)
    best = [name for name, words in telling.items() if most and len(words) == most]
    is_enough = (
        most >= FEWEST or 2 * most >= len(foreign) or any(_is_code(word) for name in best for word in telling[name])
    )
    return best if is_enough and len(best) < max(len(texts), 2) and _agree(telling, best) else []


def _agree(telling: Mapping[str, frozenset[str]], best: Sequence[str]) -> bool:
    """Return whether the best hold the same words: where each holds another, nothing says which was used."""
    return len({telling[name] for name in best}) == 1


def find_copied(passage: str, texts: Mapping[str, str]) -> list[str]:
    """Find the memories that hold a passage: all that hold the most of its telling words, and two thirds at least."""
    copied = _stems(passage)
    shares = {name: _share(copied, _stems(text), of_first=True) for name, text in texts.items()}
    most = max(shares.values(), default=0.0)
    best = [name for name, share in shares.items() if share == most]
    return best if most >= MOSTLY and len(best) < max(len(texts), 2) else []


def _share(one: frozenset[str], other: frozenset[str], *, of_first: bool = False) -> float:
    """Return the share of the words of both that they have in common, of the longer text's or of the first's."""
    longer = len(one) if of_first else max(len(one), len(other))
    return len(one & other) / longer if longer else 0.0


def _stems(text: str) -> frozenset[str]:
    return frozenset(content_words(text, language_of(tokens(text))))


def _count(word: str, held: Iterable[frozenset[str]]) -> int:
    return sum(word in words for words in held)


def _is_code(word: str) -> bool:
    return sum(sign.isdigit() for sign in word) >= DIGITS


def shown_ids(bundle: Bundle) -> tuple[str, ...]:
    return tuple(memory_id for memory_id, _ in bundle.shown)
