"""The recipe of an endpoint: it answers a caller with a token, as its type in the OpenAPI document says."""

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from soma.agent.access.auth import issue_token
from soma.agent.api import api
from soma.agent.models import Membership

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATH = "/api/v2/model/limits"


async def test_a_new_endpoint_answers_and_is_described(ann):
    membership = await Membership.objects.aget(user_id=ann.caller.user_id)
    token = (await sync_to_async(issue_token)(membership, "test")).text
    answer = await AsyncClient().get(PATH, headers={"Authorization": f"Bearer {token}"})
    assert answer.json() == {"context_tokens": 8_192, "max_output_tokens": 1_024}
    operation = api.get_openapi_schema()["paths"][PATH]["get"]
    assert operation["operationId"] == "get_model_limits"
    assert operation["responses"][200]["content"]
