"""soma bench turn-metrics, in small: both transports, and every key that the figures name."""

import json

import pytest
from click.testing import CliRunner

from soma.cli.bench import command as bench

pytestmark = [pytest.mark.learning, pytest.mark.e2e]


def test_both_transports_are_measured() -> None:
    ran = CliRunner().invoke(bench, ["turn-metrics", "--calls", "5", "--json"], catch_exceptions=False)
    assert set(json.loads(ran.stdout)["publish"]) == {
        "in_process_p50_ms",
        "in_process_p95_ms",
        "http_p50_ms",
        "http_p95_ms",
    }
