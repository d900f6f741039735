"""soma bench learn runs on a part of the data and prints its keys."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from soma.bench.learn import keys, tables
from soma.cli.bench import command as bench

pytestmark = pytest.mark.learning

KEYS = [
    "bad_prior.after_60",
    "bad_prior.best_fixed",
    "good_prior.worst_drop",
    "top1_gain_after_100",
    "held_out.default",
    "held_out.learned",
    "literal.after_100",
    "constructed.newest.gamma",
    "constructed.oldest.old",
]


def test_every_key_is_printed(data: Path) -> None:
    chosen = ["--conversation", "1", "--conversation", "5", "--orders", "1"]
    ran = CliRunner().invoke(bench, ["learn", "--data", str(data), *chosen, "--json"], catch_exceptions=False)
    result = json.loads(ran.stdout)
    for path in KEYS:
        value = result
        for name in path.split("."):
            value = value[name]
        assert isinstance(value, float)
    for key in ("after_60", "best_fixed"):
        assert 0.0 < result["bad_prior"][key] <= 100.0
    assert result["bad_prior"]["after_60"] > result["bad_prior"]["start"]
    assert len(list(tables(result))) == 3
    assert keys(result).row_count > len(KEYS)


def test_one_conversation_is_not_enough(data: Path) -> None:
    ran = CliRunner().invoke(bench, ["learn", "--data", str(data), "--conversation", "1"])
    assert ran.exit_code == 2
    assert "at least two conversations" in ran.output
