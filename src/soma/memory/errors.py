"""Errors of memory. Nothing of a refused call is written.

MemoryRefused            `code`, and `field` where one is to blame
├── EmptyText            empty_text
├── TextTooLong          text_too_long
├── TooManyItems         too_many_items
├── NotANumber           not_a_number
├── OutOfRange           out_of_range
├── BadTime              bad_time
├── BadName              bad_name
├── BadMetadata          bad_metadata
├── BadCursor            bad_cursor
├── BadLine              bad_line
├── UnknownKey           unknown_key
│   └── UnknownDocument  unknown_document
├── AlreadyForgotten     already_forgotten
├── UnknownLinkTarget    unknown_link_target
├── NotTheAuthor         not_the_author
└── ForeignNamespace     foreign_namespace
VectorsUnavailable       pgvector was asked for and the database has none (`vectors_unavailable`)
EmbedderUnavailable      the embedding model is not installed, away, or refusing (`model_unavailable`)
"""


class MemoryRefused(Exception):
    """The request cannot be carried out."""

    code = "memory_refused"

    def __init__(self, message: str = "", *, field: str | None = None) -> None:
        text = message or (type(self).__doc__ or "")
        super().__init__(f"{field}: {text}" if field else text)
        self.field = field


class EmptyText(MemoryRefused):
    """There is no text to remember or to look for."""

    code = "empty_text"


class TextTooLong(MemoryRefused):
    """The text is longer than a memory may be; import it as a document, in pieces."""

    code = "text_too_long"


class TooManyItems(MemoryRefused):
    """Too many items for one call."""

    code = "too_many_items"


class NotANumber(MemoryRefused):
    """NaN and infinity are not values."""

    code = "not_a_number"


class OutOfRange(MemoryRefused):
    """The number is outside its bounds."""

    code = "out_of_range"


class BadTime(MemoryRefused):
    """Not an ISO 8601 moment."""

    code = "bad_time"


class BadName(MemoryRefused):
    """Not a usable name."""

    code = "bad_name"


class BadText(MemoryRefused):
    """Text that cannot be stored: with NUL, or no valid Unicode."""

    code = "bad_text"


class BadMetadata(MemoryRefused):
    """Metadata is a JSON object of bounded size."""

    code = "bad_metadata"


class BadCursor(MemoryRefused):
    """Not a cursor of an earlier page."""

    code = "bad_cursor"


class BadLine(MemoryRefused):
    """Not a memory as JSON."""

    code = "bad_line"


class UnknownKey(MemoryRefused):
    """There is no such memory here."""

    code = "unknown_key"


class AlreadyForgotten(MemoryRefused):
    """It was forgotten before: nothing is left to do."""

    code = "already_forgotten"


class UnknownDocument(UnknownKey):
    """There is no such document here."""

    code = "unknown_document"


class UnknownLinkTarget(MemoryRefused):
    """The link leads to no memory that is here."""

    code = "unknown_link_target"


class NotTheAuthor(MemoryRefused):
    """Another user wrote this shared memory: only its author or an owner of the tenant may change or forget it."""

    code = "not_the_author"


class ForeignNamespace(MemoryRefused):
    """There is no such namespace here."""

    code = "foreign_namespace"


class EmbedderUnavailable(Exception):
    """The embedding model cannot be asked."""

    code = "model_unavailable"


class VectorsUnavailable(Exception):
    """SOMABRAIN_PGVECTOR_FROM is set, and this PostgreSQL has no pgvector: install the extension `vector`."""

    code = "vectors_unavailable"

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.__doc__)
