"""`soma weights` looks at all of a learner's past, or says what it left out."""

from typing import Any

import pytest

from soma.cli.commands.weights import MOST, PAGE, _newest, _pages, _plot, _why


class Past:
    """A server whose learner has `count` updates; only the `moving` ones moved tau."""

    def __init__(self, count, moving):
        self._count = count
        self._moving = moving
        self.asked = 0

    def get(self, path, *, agent, limit, after=None):
        assert path == "/learning/history"
        self.asked += 1
        start = self._count - limit if after is None else after
        return {
            "start_version": start,
            "start_weights": {"tau": 0.7},
            "start_trust": 0.5,
            "newest_version": self._count,
            "oldest_version": 0,
            "oldest_at": None,
            "updates": [self._update(number) for number in range(start + 1, min(start + limit, self._count) + 1)],
        }

    def _update(self, version):
        moved = {"tau": -0.001} if version in self._moving else {}
        return {
            "version": version, "at": "2026-01-01T00:00:00", "event_id": f"e{version}", "cause": "iteration",
            "kind": "IterationOutcome", "reason": "how the iteration went", "credit": 0.3, "clipped": [], "signals": {},
            "reward": None, "learning_rate": 0.05, "trust": 0.5, "trust_before": 0.5, "gated": False, "guarded": False,
            "weights": {"tau": 0.7}, "learned_deltas": moved, "weight_deltas": moved, "turn_id": None,
        }  # fmt: skip


def past(count: int, *moving: int) -> Any:
    return Past(count, set(moving))


@pytest.mark.parametrize("count", [PAGE, PAGE + 1, 2 * MOST])
def test_what_moved_a_weight_long_ago_is_told_too(count, capsys):
    server = past(count, 3, count)
    _why(_pages(server, None, after=0), "tau", as_json=True)
    shown = capsys.readouterr().out
    assert [f'"version": {version}' in shown for version in (3, count)] == [True, True]
    assert server.asked == count // PAGE + 1


def test_a_plot_of_the_newest_says_how_many_it_leaves_out(tmp_path, monkeypatch):
    told: list[str] = []
    monkeypatch.setattr("soma.cli.commands.weights.console.print", told.append)
    monkeypatch.setattr("soma.cli.commands.weights.svg", lambda history, title: "<svg/>")
    _plot(_newest(past(MOST + 7), None), tmp_path / "plot.svg", as_json=False)
    assert f"{MOST} updates drawn" in told[-1]
    assert "the 7 before them are not" in told[-1]
    _plot(_newest(past(12), None), tmp_path / "plot.svg", as_json=False)
    assert told[-1].endswith("plot.svg")
