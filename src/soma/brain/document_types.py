"""The brain's answers about documents: plain structs, the same on both sides of the wire."""

import msgspec

from soma.brain.types import Forgotten


class DocumentPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A document's id, collection and name."""

    id: str
    collection: str
    name: str


class DocumentStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a plan: `former` is the document as it was, `same_as` another of the same text.

    `action` is created, replaced, unchanged, moved, shared, refused, kept or forgotten.
    """

    action: str
    name: str
    collection: str
    former: DocumentPlace | None = None
    same_as: DocumentPlace | None = None


class ImportedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of importing one document: what was done, and the numbers of its chunks.

    `left_out` counts chunks that a person forgot before; they are not remembered again.
    """

    name: str
    collection: str
    action: str
    created: int
    updated: int
    unchanged: int
    forgotten: int
    left_out: int = 0
    former: DocumentPlace | None = None
    same_as: DocumentPlace | None = None


class DocumentInQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """A document of which a plan would know more if it knew whether its file is still there."""

    id: str
    origin: str


class DocumentPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of an import. `has_former`: documents of an earlier version are there, known by their text alone."""

    steps: list[DocumentStep]
    in_question: list[DocumentInQuestion]
    has_former: bool


class RecognisedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The document of an earlier version that a text is or was, if one is."""

    document: DocumentPlace | None = None
    has_same_text: bool = False


class ListedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`is_whole` is false while an import did not end, and for documents of an earlier version."""

    id: str
    name: str
    collection: str
    scope: str
    format: str
    chunks: int
    imported_at: str
    imported_by: str
    is_whole: bool


class DocumentPage(msgspec.Struct, frozen=True, kw_only=True):
    """`next` is the `after` of the page that follows; None at the end."""

    documents: list[ListedDocument]
    next: str | None = None


class ForgottenDocuments(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of what is gone; no receipt where other documents share every chunk. `erased` is as of a forget."""

    documents: int
    chunks: int
    receipt_id: str | None = None
    erased: Forgotten | None = None
