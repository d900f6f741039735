"""soma bench soak, in small: the noise stays in its boxes, tenants end as each would alone."""

import json

import pytest
from click.testing import CliRunner

from soma.cli.commands.bench import command as bench

pytestmark = [pytest.mark.learning, pytest.mark.long]


@pytest.mark.parametrize("rule", ["evidence", "literal"])
def test_nothing_breaks_or_crosses(rule: str) -> None:
    small = ["--iterations", "25", "--tenants", "3", "--feedbacks", "20"]
    ran = CliRunner().invoke(bench, ["soak", "--rule", rule, *small, "--json"], catch_exceptions=False)
    result = json.loads(ran.stdout)
    assert result["noise"]["outside"] == 0
    assert result["noise"]["working_memory"] <= result["noise"]["working_memory_bound"]
    crossed = result["cross_talk"]
    assert crossed["differ"] == crossed["foreign_memories"] == crossed["foreign_lessons"] == 0
    praise = result["praise"]
    assert praise["alpha_lowered"] == praise["lambda_lowered"] == 0
    if rule == "literal":
        assert praise["alpha_after_20"] >= 0.7
    else:
        assert praise["alpha_after_20"] == 0.0
