"""Documents through the brain: import, plan an import, list, forget."""

from typing import Any, Literal

import msgspec
from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from soma.agent.api.request.body import AgentBody, AgentName
from soma.agent.api.request.caller import caller_of, find_principal
from soma.agent.models import Role
from soma.agent.running import agent

router = Router()

Format = Literal["text", "markdown"]
Scope = Literal["user", "agent", "tenant"]
Whereabouts = Literal["gone", "there"]

LONGEST_NAME = 300
LONGEST_COLLECTION = 100
LONGEST_ORIGIN = 4_000
MOST = 100_000


class PlaceBody(AgentBody):
    """Base of the requests here: the partition of the documents."""

    scope: Scope = "user"
    namespace: str = Field("default", min_length=1, max_length=100)


class NewDocument(PlaceBody):
    name: str = Field(min_length=1, max_length=LONGEST_NAME, description="What citations call it.")
    text: str = Field(min_length=1)
    format: Format = "text"
    written_at: str | None = None
    collection: str = Field(
        "default", max_length=LONGEST_COLLECTION, description="A name is one document in a collection."
    )
    origin: str = Field(
        "", max_length=LONGEST_ORIGIN, description="Digests of the folders on the way to its file, its own last."
    )
    continues: str | None = Field(None, max_length=200, description="Id of the document that a plan says it was.")
    with_forgotten: bool = Field(False, description="Whether chunks of it that were forgotten come back.")


class ComingDocumentBody(Schema):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    digest: str = Field(min_length=64, max_length=64, description="SHA-256 of the text, its line ends as LF.")
    collection: str = Field("default", max_length=LONGEST_COLLECTION)
    origin: str = Field("", max_length=LONGEST_ORIGIN)
    continues: str | None = Field(None, max_length=200)
    has_same_text: bool = False


class DeliveryBody(PlaceBody):
    documents: list[ComingDocumentBody] = Field(max_length=MOST)
    format: Format = "text"
    root: str = Field("", max_length=LONGEST_ORIGIN, description="Origin of the folder that comes whole, if one does.")
    collection: str = Field("", max_length=LONGEST_COLLECTION, description="Collection that comes whole, if one does.")
    mirror: bool = Field(False, description="Whether what does not come is to be forgotten.")
    whereabouts: dict[str, Whereabouts] = Field(
        default_factory=dict, description="Of documents in question, whether their files are gone or there."
    )


class DocumentText(PlaceBody):
    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    text: str = Field(min_length=1)


class ForgetDocumentsBody(AgentBody):
    ids: list[str] = Field(min_length=1, max_length=1_000)
    namespace: str = Field("default", min_length=1, max_length=100)


@router.post("")
async def import_document(request: HttpRequest, payload: NewDocument) -> Any:
    """Remember a text in chunks that can be cited; the same name in its collection changes only what changed."""
    caller = caller_of(request)
    caller.require(Role.OWNER, Role.MEMBER)
    fields = payload.model_dump(exclude={"agent"})
    imported = await agent().brain.import_document(await find_principal(caller, payload.agent), **fields)
    return msgspec.to_builtins(imported)


@router.get("")
async def list_documents(
    request: HttpRequest, after: str | None = None, namespace: str = "default", agent_name: AgentName = None
) -> Any:
    """List the documents that the caller may see, page by page, in the order of their first import."""
    found = await agent().brain.documents(
        await find_principal(caller_of(request), agent_name), after=after, namespace=namespace
    )
    return msgspec.to_builtins(found)


@router.post("/plan")
async def plan_documents(request: HttpRequest, payload: DeliveryBody) -> Any:
    """Plan an import of these files; nothing is done."""
    delivery = payload.model_dump(exclude={"agent"})
    planned = await agent().brain.plan_documents(await find_principal(caller_of(request), payload.agent), delivery)
    return msgspec.to_builtins(planned)


@router.post("/recognise")
async def recognise_document(request: HttpRequest, payload: DocumentText) -> Any:
    """Find the document of an earlier version that a text is or was; nothing is done."""
    fields = payload.model_dump(exclude={"agent"})
    found = await agent().brain.recognise_document(await find_principal(caller_of(request), payload.agent), **fields)
    return msgspec.to_builtins(found)


@router.post("/forget")
async def forget_documents(request: HttpRequest, payload: ForgetDocumentsBody) -> Any:
    """Remove documents for good, with every chunk that no other document shares."""
    caller = caller_of(request)
    caller.require(Role.OWNER, Role.MEMBER)
    gone = await agent().forgetting.forget_documents(
        await find_principal(caller, payload.agent), payload.ids, namespace=payload.namespace
    )
    return {"documents": gone.documents, "chunks": gone.chunks, "receipt_id": gone.receipt_id}
