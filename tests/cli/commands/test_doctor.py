"""What `soma doctor` says of a server."""

import pytest

from soma.agent.settings import settings
from soma.cli.commands.doctor import CheckFailed, _server
from soma.cli.server import STARTING_FILE
from soma.process.locks import FileLock


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The data folder of this test, in which no server works."""
    monkeypatch.setenv("SOMA_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("SOMA_URL", raising=False)
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_a_server_that_is_still_starting_is_not_said_to_be_absent(folder):
    with pytest.raises(CheckFailed, match="no server runs"):
        _server()
    with FileLock(folder / STARTING_FILE), pytest.raises(CheckFailed, match="still starting"):
        _server()
