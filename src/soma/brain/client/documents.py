"""The client's verbs on documents."""

from collections.abc import Mapping, Sequence
from typing import Any

from soma.brain.client.memory import LONG_SECONDS
from soma.brain.client.transport import Calls, drop_none
from soma.brain.document_types import (
    DocumentPage,
    DocumentPlan,
    ForgottenDocuments,
    ImportedDocument,
    RecognisedDocument,
)
from soma.brain.types import Principal


class DocumentCalls(Calls):
    async def import_document(
        self,
        principal: Principal,
        *,
        name: str,
        text: str,
        format: str,  # noqa: A002 - the wire's name
        scope: str = "user",
        written_at: str | None = None,
        namespace: str = "default",
        **identity: Any,
    ) -> ImportedDocument:
        """Remember a long text in chunks, or change what changed in the document that it is.

        `identity` are `collection`, `origin`, `continues` and `with_forgotten` (`document_requests.ImportDocument`).
        """
        body = drop_none(name=name, text=text, format=format, scope=scope, written_at=written_at, namespace=namespace)
        body |= drop_none(**identity)
        return await self._commit(
            principal, "/v1/memory/documents", body, ImportedDocument, timeout_seconds=LONG_SECONDS
        )

    async def plan_documents(self, principal: Principal, delivery: Mapping[str, Any]) -> DocumentPlan:
        """Plan an import (`document_requests.PlanDocuments`); nothing is done."""
        return await self._commit(
            principal, "/v1/memory/documents/plan", delivery, DocumentPlan, timeout_seconds=LONG_SECONDS
        )

    async def recognise_document(
        self, principal: Principal, *, name: str, text: str, scope: str = "user", namespace: str = "default"
    ) -> RecognisedDocument:
        """Find the document of an earlier version that a text is or was."""
        body = drop_none(name=name, text=text, scope=scope, namespace=namespace)
        return await self._commit(
            principal, "/v1/memory/documents/recognise", body, RecognisedDocument, timeout_seconds=LONG_SECONDS
        )

    async def documents(
        self, principal: Principal, *, after: str | None = None, namespace: str = "default"
    ) -> DocumentPage:
        """List the documents that the caller may see, in the order of their first import."""
        parameters = {"after": after, "namespace": namespace}
        return await self._read(principal, "/v1/memory/documents", parameters, DocumentPage)

    async def forget_documents(
        self, principal: Principal, ids: Sequence[str], *, namespace: str = "default", dry_run: bool = False
    ) -> ForgottenDocuments:
        """Forget documents; with `dry_run` only tell what would go, in a receipt without an id."""
        body = {"ids": list(ids), "namespace": namespace, "dry_run": dry_run}
        return await self._commit(
            principal, "/v1/memory/documents/forget", body, ForgottenDocuments, timeout_seconds=LONG_SECONDS
        )
