"""Settings that look like one and are none."""

from click.testing import CliRunner

from soma.agent.settings import settings
from soma.cli.main import main
from soma.cli.unknown_settings import unknown_settings


def test_what_only_shares_a_prefix_with_a_setting_is_not_meant_for_it():
    assert list(unknown_settings({"SOMA_FOO": "1"})) == ["unknown setting SOMA_FOO"]


def test_a_mistyped_setting_is_told_with_the_nearest_that_is_one():
    environment = {
        "SOMA_RLM_MAX_ITERATONS": "5",
        "SOMA_PORT": "1",
        "SOMABRAIN_TOP_K": "5",
        "HOME": "/",
        "SOMA_TEST_X": "",
    }
    assert list(unknown_settings(environment)) == [
        "unknown setting SOMA_RLM_MAX_ITERATONS; did you mean SOMA_RLM_MAX_ITERATIONS?"
    ]


def test_help_shows_the_port_that_is_set(monkeypatch):
    monkeypatch.setenv("SOMA_PORT", "9123")
    settings.cache_clear()
    try:
        assert "9123" in CliRunner().invoke(main, ["up", "--help"]).output
    finally:
        settings.cache_clear()
