"""Requests to the brain about documents."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from soma.brain.wire.requests import Id, Ids, Name, RequestBody

Format = Literal["text", "markdown"]
Scope = Literal["user", "agent", "tenant"]
MOST = 100_000  # files of a folder
Whereabouts = Annotated[dict[str, Literal["gone", "there"]], Meta(max_length=MOST)]


class ImportDocument(RequestBody, frozen=True, kw_only=True):
    name: str
    text: str
    format: Format = "text"
    scope: Scope = "user"
    written_at: str | None = None
    collection: str = "default"
    origin: str = ""
    continues: Id | None = None
    with_forgotten: bool = False
    namespace: Name = "default"


class ComingDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that would come: `digest` is the SHA-256 of its text with line ends as LF."""

    name: str
    digest: str
    collection: str = "default"
    origin: str = ""
    continues: Id | None = None
    has_same_text: bool = False


class PlanDocuments(RequestBody, frozen=True, kw_only=True):
    documents: Annotated[list[ComingDocument], Meta(max_length=MOST)]
    format: Format = "text"
    scope: Scope = "user"
    root: str = ""
    collection: str = ""
    mirror: bool = False
    whereabouts: Whereabouts = msgspec.field(default_factory=dict)
    namespace: Name = "default"


class RecogniseDocument(RequestBody, frozen=True, kw_only=True):
    name: str
    text: str
    scope: Scope = "user"
    namespace: Name = "default"


class ForgetDocuments(RequestBody, frozen=True, kw_only=True):
    ids: Annotated[Ids, Meta(min_length=1)]
    namespace: Name = "default"
    dry_run: bool = False
