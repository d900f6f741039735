"""The recipe of a provider: its key alone makes its model the one that answers, over OpenAI's protocol."""

import httpx
import pytest

from soma.agent.llm.choose import Models
from soma.agent.settings import Settings


@pytest.fixture
def settings(monkeypatch, tmp_path):
    monkeypatch.setenv("DEEPSEEK_API_KEY", "theirs")
    return Settings(data_dir=tmp_path)


async def test_the_key_of_a_new_provider_chooses_its_model(settings):
    async with httpx.AsyncClient() as client:
        models = Models(settings, client)
        assert models.default.name == "deepseek/deepseek-chat"
        assert models.get("deepseek/other").name == "deepseek/other"
