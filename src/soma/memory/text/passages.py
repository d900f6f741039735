"""Passages of a text that a model cannot read at once: whole sentences, each from the last one of that before it."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from soma.memory.text.sentences import Span, find_sentences

PAUSE_SHARE = (
    4  # a sentence that is too long is cut at a line or blank in the last quarter of what fits, if one is there
)


def cut_passages(text: str, starts: Sequence[int], *, most: int, overlap: int) -> list[Span]:
    """Cut into passages of at most `most` tokens, in order, that together hold every token.

    `starts` are the places in `text` where its tokens begin. A passage begins with the last sentence of the former
    where that has at most `overlap` tokens.
    """
    units = [unit for sentence in find_sentences(text) for unit in _cut_sentence(text, starts, sentence, most)]
    ends = [bisect_left(starts, end) for _, end in units]
    firsts = [bisect_left(starts, start) for start, _ in units]
    passages, begin = list[Span](), 0
    for place in range(len(units)):
        if ends[place] - firsts[begin] > most:
            passages.append((units[begin][0], units[place - 1][1]))
            last = place - 1
            repeats = last > begin and ends[last] - firsts[last] <= overlap and ends[place] - firsts[last] <= most
            begin = last if repeats else place
    return [*passages, (units[begin][0], units[-1][1])] if units else []


def _cut_sentence(text: str, starts: Sequence[int], sentence: Span, most: int) -> Iterator[Span]:
    """Yield the sentence, or what fits of it, again and again."""
    start, end = sentence
    first, last = bisect_left(starts, start), bisect_left(starts, end)
    while last - first > most:
        stop = starts[_find_pause(text, starts, first + most - most // PAUSE_SHARE, first + most)]
        yield start, start + len(text[start:stop].rstrip())
        start, first = stop, bisect_left(starts, stop)
    yield start, end


def _find_pause(text: str, starts: Sequence[int], first: int, last: int) -> int:
    """Return the latest token from `first` to `last` that begins a line, else a word, else the last."""
    for sign in ("\n", None):
        for token in range(last, first, -1):
            before = text[starts[token] - 1]
            if before == sign or (sign is None and before.isspace()):
                return token
    return last
