"""soma bench memory, in small: it measures both starts, and what is kept."""

import json

import pytest
from click.testing import CliRunner

from soma.cli.commands.bench import command as bench

pytestmark = pytest.mark.long


def test_both_starts_and_what_is_kept_are_measured() -> None:
    ran = CliRunner().invoke(bench, ["memory", "--sizes", "2100", "--json"], catch_exceptions=False)
    result = json.loads(ran.stdout)
    figures = {name.removeprefix("memory.2100."): value for name, value in result.items()}
    assert figures["disk_kept_mb"] > 2100 * 384 * 4 / 1e6
    assert 0 < figures["first_recall_s"] < figures["start_s"]
    for name in ("start_from_rows_s", "others_meanwhile_p95_ms", "recall_p95_ms", "look_p95_ms", "rss_mb"):
        assert figures[name] > 0
