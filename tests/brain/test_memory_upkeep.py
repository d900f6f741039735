"""The doors to memory's upkeep: documents, status, comparison, consolidation, over both transports."""

import asyncio
import time
from contextlib import closing

import httpx
import pytest
from tests.brain.conftest import ALICE, BOB, MALLORY, remembered
from tests.brain.requests import new_query
from tests.memory.embedders.provider import Provider, serving
from tests.memory.upkeep.test_consolidate import GARDEN, TRAIN

from soma.brain.errors import BrainRefused
from soma.brain.owner import owner_of
from soma.brain.root import open_brain
from soma.brain.settings.memory import MemorySettings
from soma.brain.summariser import Summariser, SummariserFailed
from soma.memory.embedders.minilm import MiniLM
from soma.memory.errors import EmbedderUnavailable
from soma.memory.rendering import VERSION

NOTES = "# Lisbon\n\nThe tram to the Alfama is number 28.\n\n# Porto\n\nThe boat leaves at ten.\n"


async def test_a_document_is_imported_cited_and_changed(client):
    imported = await client.import_document(ALICE, name="trip.md", text=NOTES, format="markdown")
    assert (imported.created, imported.forgotten) == (2, 0)
    hits = await client.recall(ALICE, query="which tram goes to the Alfama?")
    assert hits[0].metadata["source"] == 'trip.md, "Lisbon", line 3'
    bundle = await client.evaluate(ALICE, new_query(conversation_id="c", query="which tram goes to the Alfama?"))
    assert bundle.memories[0].source == 'trip.md, "Lisbon", line 3'
    changed = await client.import_document(ALICE, name="trip.md", text=NOTES[:50], format="markdown")
    assert (changed.created, changed.unchanged, changed.forgotten) == (0, 1, 1)
    assert not (await client.memories(BOB)).memories


@pytest.mark.parametrize(
    ("fields", "field"), [({"text": " "}, "text"), ({"name": ""}, "name"), ({"format": "pdf"}, "format")]
)
async def test_what_is_no_document_is_refused_by_its_field(client, fields, field):
    with pytest.raises(BrainRefused) as caught:
        await client.import_document(ALICE, **{"name": "n", "text": "t", "format": "text", **fields})
    assert caught.value.field == field


async def test_the_status_counts_what_the_caller_sees(client):
    await remembered(client)
    status = await client.memory_status(ALICE)
    assert (status.memories, status.private, status.embedding.done) == (6, 6, True)
    assert status.embedding.model == status.embedding.target
    assert (await client.memory_status(BOB)).memories == 0
    assert (await client.memory_status(MALLORY)).embedding.memories == 0


async def test_a_tenant_is_compared_and_mended(client, opened):
    await remembered(client)
    assert (await client.verify_memory(ALICE)).clean
    connection = opened.writer.database.connect()
    connection.execute("UPDATE memory_embeddings SET seal = 'x'")
    connection.close()
    looked = await client.verify_memory(ALICE)
    assert (looked.clean, looked.problems, looked.repaired) == (False, {"vector_damaged": 6}, 0)
    assert (await client.verify_memory(MALLORY)).clean
    mended = await client.verify_memory(ALICE, repair=True)
    assert (mended.clean, mended.repaired) == (True, 6)
    assert (await client.verify_memory(ALICE)).clean


async def test_counts_and_ids_of_others_are_nobodys(client, opened):
    ids = await remembered(client, BOB)
    assert (await client.memory_status(ALICE)).embedding.memories == 0
    assert (await client.memory_status(BOB)).embedding.embedded == len(ids)
    with closing(opened.writer.database.connect()) as connection:
        connection.execute("UPDATE memory_embeddings SET seal = 'x'")
    hers = await client.verify_memory(ALICE, repair=True)
    assert (hers.clean, hers.memories, hers.problems, hers.named, hers.repaired) == (True, 0, {}, [], 0)
    whole = await client.verify_memory(ALICE, whole=True)  # for who owns the tenant: counted, not named
    assert (whole.problems["vector_damaged"], whole.named) == (len(ids), [])
    his = await client.verify_memory(BOB)
    assert {memory_id for _, memory_id in his.named} == set(ids)


async def test_a_consolidation_is_listed_and_undone_by_who_may_see_it(client, opened):
    items = [{"text": text, "metadata": {"speaker": "Ann"}} for text in (*GARDEN, *GARDEN_TOO, *TRAIN)]
    await client.remember(ALICE, items)
    done = await opened.brain.memory.consolidate(owner_of(ALICE))
    assert done
    listed = await client.consolidations(ALICE)
    assert {one.id for one in listed} == {one.id for one in done}
    assert await client.consolidations(BOB) == []
    with pytest.raises(BrainRefused) as caught:
        await client.undo_consolidation(BOB, id=listed[0].id)
    assert caught.value.status == 404
    assert (await client.undo_consolidation(ALICE, id=listed[0].id)).removed == listed[0].made
    assert (await client.consolidations(ALICE))[0].undone_at


GARDEN_TOO = [text.replace("garden", "garden beds") for text in GARDEN]


async def test_another_embedder_by_setting_takes_over_while_the_old_one_answers(settings):
    first = settings.model_copy(update={"memory": MemorySettings(upkeep_seconds=0.05, upkeep_share=1)})
    async with open_brain(first) as opened:
        await remembered(opened.client)
        old = (await opened.client.memory_status(ALICE)).embedding.model
    with serving(Provider(script=[])) as provider:
        chosen = MemorySettings(
            embedder="openai", embedder_url=provider.url, embedder_model="small", upkeep_seconds=0.05, upkeep_share=1
        )
        async with open_brain(settings.model_copy(update={"memory": chosen})) as opened:
            deadline = time.monotonic() + 20
            while not (status := (await opened.client.memory_status(ALICE)).embedding).done:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
            assert (status.model, old) == (f"openai/small/{VERSION}", f"{MiniLM.name}/{VERSION}")
            assert "Miso" in (await opened.client.recall(ALICE, query="what is the cat called?"))[0].text


async def test_an_embedder_that_is_away_is_said_at_the_start(settings):
    away = MemorySettings(
        embedder="openai", embedder_url="http://127.0.0.1:9/v1", embedder_model="m", embedder_patience_seconds=0.1
    )
    with pytest.raises(EmbedderUnavailable, match="does not answer"):
        async with open_brain(settings.model_copy(update={"memory": away})):
            pass


async def test_an_embedder_that_goes_away_is_said_to_who_asks_and_nothing_is_half_written(settings):
    with serving(Provider()) as provider:
        chosen = MemorySettings(
            embedder="openai", embedder_url=provider.url, embedder_model="m", embedder_patience_seconds=0.3
        )
        async with open_brain(settings.model_copy(update={"memory": chosen})) as opened:
            provider.script = [(500, {}, {})] * 20
            answer = await _post(opened, "/v1/memory/remember", {"items": [{"text": "one"}, {"text": "two"}]})
            assert (answer.status_code, answer.json()["code"]) == (503, "model_unavailable")
            assert not (await opened.client.memories(ALICE)).memories


async def _post(opened, path, body):
    headers = {
        "Authorization": "Bearer a-token-of-the-tests",
        "X-Soma-Tenant": ALICE.tenant_id,
        "X-Soma-User": ALICE.user_id,
        "X-Soma-Agent": ALICE.agent_id,
    }
    async with httpx.AsyncClient(transport=httpx.ASGITransport(opened.app), base_url="http://brain") as http:
        return await http.post(path, json=body, headers=headers)


def completion(text: str) -> dict[str, object]:
    return {"choices": [{"message": {"role": "assistant", "content": text}}]}


async def test_a_chat_model_writes_the_summary_and_its_failure_is_said():
    provider = Provider(path="/v1/chat/completions", script=[(200, {}, completion("They grow.")), (500, {}, {})])
    with serving(provider):
        async with httpx.AsyncClient() as http:
            summarise = Summariser(http, url=provider.url, model="writer", key="k")
            assert await summarise(["one\nnote", "another"]) == "They grow."
            assert provider.bodies[0]["messages"][1]["content"] == "- one note\n- another"
            assert provider.keys[0] == "Bearer k"
            with pytest.raises(SummariserFailed, match="500"):
                await summarise(["again"])
