"""The part of the brain's HTTP door that looks after memory: status, comparison, consolidation."""

from fastapi import FastAPI, Request, Response

from soma.brain.api.experiments import Door
from soma.brain.errors import BrainRefused
from soma.brain.service import Brain, owner
from soma.brain.types import (
    Consolidated,
    Consolidations,
    EmbeddingStatus,
    ExportPage,
    Linked,
    MemoryStatus,
    MemoryVerified,
    Principal,
)
from soma.brain.wire import requests
from soma.memory.errors import BadLine
from soma.memory.types import NewLink
from soma.memory.upkeep.reconcile import Sight


def add_upkeep(app: FastAPI, brain: Brain, door: Door) -> None:
    @app.get("/v1/memory/status")
    async def status(request: Request) -> Response:
        return door.answer(
            await _status(brain, door.principal(request, "namespace"), request.query_params.get("namespace", "default"))
        )

    @app.post("/v1/memory/verify", **door.takes(requests.Verify))
    async def verify(request: Request) -> Response:
        principal, body = await door.read(request, requests.Verify)
        seen = owner(principal).visible()
        sight = Sight(compared=None if body.whole else seen, named=seen)
        report = await brain.memory.verify(principal.tenant_id, repair=body.repair, sight=sight)
        return door.answer(
            MemoryVerified(
                clean=report.is_clean,
                memories=report.memories,
                links=report.links,
                partitions=report.partitions,
                problems=dict(report.problems),
                named=report.named,
                repaired=report.repaired,
            )
        )

    _add_exchange(app, brain, door)
    _add_consolidation(app, brain, door)


def _add_exchange(app: FastAPI, brain: Brain, door: Door) -> None:
    @app.post("/v1/memory/import", **door.takes(requests.ImportLines))
    async def take(request: Request) -> Response:
        principal, body = await door.read(request, requests.ImportLines)
        try:
            taken = await brain.memory.take(owner(principal), body.lines, namespace=body.namespace, scope=body.scope)
        except BadLine as wrong:
            raise _in_plain_words(wrong) from wrong
        return door.answer(taken)

    @app.get("/v1/memory/export")
    async def export(request: Request) -> Response:
        principal, asked = door.principal(request, "namespace", "after"), request.query_params
        namespace, after = asked.get("namespace", "default"), asked.get("after")
        items, following = await brain.memory.export_page(owner(principal), namespace=namespace, after=after)
        return door.answer(ExportPage(items=list(items), next=following))

    @app.post("/v1/memory/links", **door.takes(requests.NewLinkBody))
    async def link(request: Request) -> Response:
        principal, body = await door.read(request, requests.NewLinkBody)
        new = NewLink(to_key=body.to_key, relation=body.relation, weight=body.weight)
        made = await brain.memory.link(owner(principal), body.from_key, new, namespace=body.namespace)
        return door.answer(Linked(status="created" if made else "unchanged"))


def _in_plain_words(wrong: BadLine) -> BrainRefused:
    message, inside = requests.locate(str(wrong).removeprefix(f"{wrong.field}: "))
    return BrainRefused(wrong.code, message, f"{wrong.field}.{inside}" if inside else wrong.field)


def _add_consolidation(app: FastAPI, brain: Brain, door: Door) -> None:
    @app.get("/v1/memory/consolidations")
    async def consolidations(request: Request) -> Response:
        namespace = request.query_params.get("namespace", "default")
        principal = door.principal(request, "namespace")
        found = await brain.memory.consolidations(owner(principal), namespace=namespace)
        listed = [
            Consolidated(
                id=one.id,
                phase=one.phase,
                method=one.method,
                made=list(one.made),
                sources=list(one.sources),
                created_at=one.created_at,
                undone_at=one.undone_at,
            )
            for one in found
        ]
        return door.answer(Consolidations(consolidations=listed))

    @app.post("/v1/memory/consolidations/undo", **door.takes(requests.UndoConsolidation))
    async def undo(request: Request) -> Response:
        principal, body = await door.read(request, requests.UndoConsolidation)
        return door.answer(await brain.memory.undo(owner(principal), body.id, namespace=body.namespace))


async def _status(brain: Brain, principal: Principal, namespace: str) -> MemoryStatus:
    visible = await brain.memory.statistics(owner(principal), namespace=namespace)
    progress = await brain.memory.embedding_progress(owner(principal))
    return MemoryStatus(
        namespace=namespace,
        memories=visible.memories,
        private=visible.private,
        agent=visible.agent,
        tenant=visible.tenant,
        links=visible.links,
        words=visible.words,
        embedding=EmbeddingStatus(
            model=progress.model,
            target=progress.target,
            embedded=progress.embedded,
            memories=progress.memories,
            done=progress.is_done,
            waiting=brain.memory.waiting(principal.tenant_id),
        ),
    )
