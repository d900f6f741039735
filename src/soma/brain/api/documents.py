"""Endpoints of documents: import, plan, recognise, list, forget."""

from fastapi import FastAPI, Request, Response

from soma.brain.api.request import (
    describe_body,
    read_body,
    read_principal,
)
from soma.brain.api.response import json_response
from soma.brain.document_types import (
    DocumentInQuestion,
    DocumentPage,
    DocumentPlace,
    DocumentPlan,
    DocumentStep,
    ImportedDocument,
    ListedDocument,
    RecognisedDocument,
)
from soma.brain.owner import owner_of
from soma.brain.service import Brain
from soma.brain.wire import document_requests as bodies
from soma.memory.catalogue.identity import Delivery, ImportStep, IncomingDocument, KnownDocument
from soma.memory.documents.importing import Chunking, NewDocument
from soma.memory.types import DocumentRow

PAGE = 200


def add_documents(app: FastAPI, brain: Brain) -> None:
    @app.post("/v1/memory/documents", **describe_body(bodies.ImportDocument))
    async def take(request: Request) -> Response:
        principal, body = await read_body(request, bodies.ImportDocument)
        document = NewDocument(
            name=body.name,
            text=body.text,
            format=body.format,
            scope=body.scope,
            written_at=body.written_at,
            collection=body.collection,
            origin=body.origin,
            continues=body.continues,
            with_forgotten=body.with_forgotten,
        )
        chunking = Chunking(brain.settings.memory.document_tokens, brain.count_tokens)
        done = await brain.memory.import_document(owner_of(principal), document, chunking, namespace=body.namespace)
        chunks, step = done.chunks, _step(done.step)
        return json_response(
            ImportedDocument(
                name=step.name,
                collection=step.collection,
                action=step.action,
                created=chunks.created,
                updated=chunks.updated,
                unchanged=chunks.unchanged,
                forgotten=chunks.forgotten,
                left_out=chunks.left_out,
                former=step.former,
                same_as=step.same_as,
            )
        )

    @app.get("/v1/memory/documents")
    async def list_documents(request: Request) -> Response:
        principal, asked = read_principal(request, "namespace", "after"), request.query_params
        namespace, after = asked.get("namespace", "default"), asked.get("after")
        found = await brain.memory.documents(owner_of(principal), namespace=namespace, after=after, limit=PAGE + 1)
        page = [_describe_listed(one) for one in found[:PAGE]]
        return json_response(DocumentPage(documents=page, next=page[-1].id if len(found) > PAGE else None))

    @app.post("/v1/memory/documents/forget", **describe_body(bodies.ForgetDocuments))
    async def forget(request: Request) -> Response:
        principal, body = await read_body(request, bodies.ForgetDocuments)
        return json_response(await brain.forget_documents(principal, body))

    _add_planning(app, brain)


def _add_planning(app: FastAPI, brain: Brain) -> None:
    @app.post("/v1/memory/documents/plan", **describe_body(bodies.PlanDocuments))
    async def plan(request: Request) -> Response:
        principal, body = await read_body(request, bodies.PlanDocuments)
        planned = await brain.memory.plan_documents(
            owner_of(principal), _delivery(body), scope=body.scope, namespace=body.namespace
        )
        asked = [DocumentInQuestion(id=one.id, origin=one.origin) for one in planned.in_question]
        steps = [_step(step) for step in planned.steps]
        return json_response(DocumentPlan(steps=steps, in_question=asked, has_former=planned.has_former))

    @app.post("/v1/memory/documents/recognise", **describe_body(bodies.RecogniseDocument))
    async def recognise(request: Request) -> Response:
        principal, body = await read_body(request, bodies.RecogniseDocument)
        found = await brain.memory.recognise_document(
            owner_of(principal), body.name, body.text, scope=body.scope, namespace=body.namespace
        )
        if found is None:
            return json_response(RecognisedDocument())
        return json_response(RecognisedDocument(document=_place(found[0]), has_same_text=found[1]))


def _delivery(body: bodies.PlanDocuments) -> Delivery:
    return Delivery(
        documents=[
            IncomingDocument(
                collection=one.collection,
                name=one.name,
                format=body.format,
                digest=one.digest,
                origin=one.origin,
                continues=one.continues,
                has_same_text=one.has_same_text,
            )
            for one in body.documents
        ],
        format=body.format,
        root=body.root,
        collection=body.collection,
        mirror=body.mirror,
        whereabouts=body.whereabouts,
    )


def _step(step: ImportStep) -> DocumentStep:
    return DocumentStep(
        action=step.action,
        name=step.document.name,
        collection=step.document.collection,
        former=_place(step.former or (step.document if step.action in {"kept", "forgotten"} else None)),
        same_as=_place(step.twin),
    )


def _place(one: KnownDocument | None) -> DocumentPlace | None:
    return None if one is None else DocumentPlace(id=one.id, collection=one.collection, name=one.name)


def _describe_listed(one: DocumentRow) -> ListedDocument:
    return ListedDocument(
        id=one.id,
        name=one.name,
        collection=one.collection,
        scope=one.scope_owner.partition(":")[0],
        format=one.format,
        chunks=one.chunks,
        imported_at=one.imported_at,
        imported_by=one.user_id,
        is_whole=bool(one.digest),
    )
