"""Tool calls, joined from their pieces. Pure.

Providers leave out ids or indexes, repeat them, or change them in mid-call. One rule holds for all: a name after
complete arguments begins a new call; a piece without a name continues the call of its index, whatever its id.

A name may come in pieces too, and some providers repeat all of it with each piece of arguments. Pieces that form the
name of an offered tool are joined; a name that is repeated, or is an offered tool's already, is complete.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from soma.agent.llm.json_values import arguments_of
from soma.agent.llm.providers.answer_text import PieceJoiner

MOST_CALLS = 32  # of one answer
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPiece:
    """A piece as it came. `index` is None and texts are empty if the provider sent none."""

    index: int | None
    call_id: str
    name: str
    arguments: str


class PlacedPiece(NamedTuple):
    """The number of the call that a piece belongs to, and what the piece adds to it."""

    number: int
    is_new: bool
    call_id: str
    name: str
    arguments: str

    @property
    def tells_anything(self) -> bool:
        return self.is_new or bool(self.call_id or self.name or self.arguments)


@dataclass(slots=True)
class _Call:
    index: int | None
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    joiner: PieceJoiner = field(default_factory=PieceJoiner)

    @property
    def is_whole(self) -> bool:
        """The arguments have come, and are a JSON object."""
        text = self.arguments.strip()
        return text.endswith("}") and arguments_of(text) is not None


class CallPieces:
    """The calls of one answer so far. A call's number is its place among them."""

    def __init__(self, offered: Collection[str] = ()) -> None:
        """`offered` are the names of the tools that the model may call."""
        self._offered = frozenset(offered)
        self._calls: list[_Call] = []

    def add(self, piece: CallPiece) -> PlacedPiece | None:
        """Place a piece; None if it would begin one call too many."""
        number = self._place_named(piece) if piece.name else self._place_unnamed(piece)
        if is_new := number is None:
            if len(self._calls) == MOST_CALLS:
                return None
            number = len(self._calls)
            self._calls.append(_Call(piece.index))
        call = self._calls[number]
        call_id, name = ("" if call.call_id else piece.call_id), self._rest_of_name(call, piece)
        call.call_id, call.name = call.call_id or call_id, call.name + name
        text = "" if _repeats(call, piece) else call.joiner.add(piece.arguments)
        call.arguments += text
        return PlacedPiece(number, is_new, call_id, name, text)

    def add_whole(self, name: str, arguments: str) -> int | None:
        """Add a call that came in one piece and return its number; None if it is one too many."""
        if len(self._calls) == MOST_CALLS:
            return None
        self._calls.append(_Call(None, name=name, arguments=arguments))
        return len(self._calls) - 1

    def _place_named(self, piece: CallPiece) -> int | None:
        number = self._latest(piece)
        return number if number is not None and self._goes_on(self._calls[number], piece) else None

    def _place_unnamed(self, piece: CallPiece) -> int | None:
        number = self._latest(piece)
        last = len(self._calls) - 1
        if number is None and last >= 0 and self._calls[last].arguments and not self._calls[last].is_whole:
            return last  # its index changes in mid-call
        return number

    def _latest(self, piece: CallPiece) -> int | None:
        """Return the latest call with the piece's index, preferably one with its id too."""
        same = [at for at, call in enumerate(self._calls) if piece.index is None or call.index in (piece.index, None)]
        own = [at for at in same if piece.call_id and self._calls[at].call_id == piece.call_id]
        found = own or same
        return found[-1] if found else None

    def _goes_on(self, call: _Call, piece: CallPiece) -> bool:
        """Return whether a piece with a name belongs to the call that its index names."""
        has_other_id = bool(call.call_id and piece.call_id) and call.call_id != piece.call_id
        is_same = call.name in ("", piece.name)
        if not call.arguments.strip():
            return (is_same or self._is_next_of_name(call.name, piece.name)) and not has_other_id
        if call.is_whole:
            says_nothing_new = not piece.arguments.strip() or piece.arguments == call.arguments
            return (says_nothing_new and bool(piece.call_id) and not has_other_id) and is_same
        return is_same

    def _is_next_of_name(self, begun: str, piece: str) -> bool:
        """Return whether `piece` continues a name that has begun."""
        if any(name.startswith(begun + piece) for name in self._offered):
            return True
        return piece != begun and self._offered.isdisjoint((begun, piece)) and len(begun + piece) <= LONGEST_NAME

    def _rest_of_name(self, call: _Call, piece: CallPiece) -> str:
        """Return what the piece adds to the name of its call."""
        is_begun = bool(call.name) and not call.arguments.strip()
        return piece.name if not call.name or (is_begun and self._is_next_of_name(call.name, piece.name)) else ""


def _repeats(call: _Call, piece: CallPiece) -> bool:
    """Return whether a piece repeats a whole call under its id."""
    is_same = bool(piece.name and piece.call_id) and (call.call_id, call.name) == (piece.call_id, piece.name)
    return is_same and bool(call.arguments) and call.arguments == piece.arguments and call.is_whole
