"""The recipe of a setting: it is read from the environment, and what it bounds is refused."""

from dataclasses import replace

import pytest

from soma.agent.api.send_message import send
from soma.agent.errors import Invalid
from soma.agent.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_new_setting_is_read_and_kept_to(ann, folder, monkeypatch):
    monkeypatch.setenv("SOMA_CLIENT_ID_CHARACTERS", "3")
    agent = replace(ann.agent, settings=Settings(data_dir=folder))
    with pytest.raises(Invalid, match="1 to 3 printable characters"):
        await send(agent, ann.caller, ann.conversation_id, content="hello", client_message_id="four")
