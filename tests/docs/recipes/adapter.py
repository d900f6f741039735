"""The recipe of a model adapter: a model of that name can be had, and a turn is answered by it."""

import httpx
import pytest

from soma.agent.llm.choose import Models

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_new_adapter_answers_a_turn(ann):
    async with httpx.AsyncClient() as client:
        ann.stage.models[f"scripted/{ann.caller.tenant_id}"] = Models(ann.agent.settings, client).get("echo/any")
        record = await ann.asks("is anybody there?")
    assert "is anybody there?" in record.complete.content
