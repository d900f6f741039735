"""The pieces of an index that can be written down and read back: named runs of bytes."""

from array import array
from collections.abc import Mapping
from typing import Any, Protocol, Union

from numpy.typing import NDArray

Piece = Union[bytes, memoryview, NDArray[Any], "array[Any]"]  # an array takes no parameter at run time
Pieces = Mapping[str, Piece]


class Part(Protocol):
    """A part of a partition that is derived from texts, and kept so that a start need not derive it again."""

    def dump(self) -> Pieces: ...
    def restore(self, pieces: Pieces) -> None: ...
