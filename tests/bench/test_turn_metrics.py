"""soma bench turn-metrics, in small: both transports, every key of the figures, and nothing leaves the machine."""

import json

import pytest
from tests.flow.terminal import SOMA
from tests.tracing import Trace

pytestmark = [pytest.mark.learning, pytest.mark.e2e, pytest.mark.long]


def test_both_transports_are_measured_and_nothing_is_reached_outside(tmp_path) -> None:
    trace = Trace(tmp_path)
    ran = trace.run([SOMA, "bench", "turn-metrics", "--calls", "5", "--json"])
    assert set(json.loads(ran.stdout)["publish"]) == {
        "in_process_p50_ms",
        "in_process_p95_ms",
        "http_p50_ms",
        "http_p95_ms",
    }
    assert trace.left() == []
