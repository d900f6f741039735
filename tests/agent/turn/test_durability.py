"""A turn survives the death of its process at every place: it resumes, ends once, and runs no tool twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.agent.crashing import ANSWER, DIED

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
COMMITS = [
    "turn_started", "bundle_built", "model_responded", "tool_requested", "tool_decided", "tool_finished",
    "iteration_judged", "iteration_completed", "bundle_built", "model_responded", "iteration_judged",
    "iteration_completed", "turn_complete",
]  # fmt: skip


class Theatre:
    """Plays in processes of their own, forked from one that has imported everything."""

    def __init__(self, folder: Path, database: str) -> None:
        self._folder = folder
        self._database = database
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.agent.crashing"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip

    def play(self, person: int, **how: Any) -> int:
        """The exit status."""
        self._begin(person, **how)
        return self._told()["status"]

    def kill(self, person: int, **how: Any) -> int:
        """Play until it hangs, then SIGKILL it."""
        pid = self._begin(person, **how)
        deadline = time.monotonic() + 20
        while not (self._folder / "hanging").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        (self._folder / "hanging").unlink()
        return self._told()["status"]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()

    def _begin(self, person: int, **how: Any) -> int:
        assert self._process.stdin is not None
        play = {"folder": str(self._folder), "database": self._database, "person": person, **how}
        self._process.stdin.write(json.dumps(play) + "\n")
        self._process.stdin.flush()
        return self._told()["pid"]

    def _told(self) -> dict[str, int]:
        assert self._process.stdout is not None
        told: dict[str, int] = json.loads(self._process.stdout.readline())
        return told


PLACES = ["speech", "tool", "learning"]
KILLED = 1 + len(COMMITS)
QUEUED = KILLED + len(PLACES)
UNLUCKY = QUEUED + 2
UNDISTURBED = UNLUCKY + 1


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory, server) -> list[dict[str, Any]]:
    """Return what is left of turns that went through all that can happen; each process ends what the last one left."""
    folder = tmp_path_factory.mktemp("data")
    theatre = Theatre(folder, server.database() if server else f"sqlite:///{folder / 'agent.sqlite3'}")
    assert theatre.play(-1) == 0
    for commit in range(1, len(COMMITS) + 1):
        assert theatre.play(commit, crash_at=commit) == DIED
    for number, place in enumerate(PLACES):
        assert theatre.kill(KILLED + number, hang_in=place) == -signal.SIGKILL
    for number, commit in enumerate((3, len(COMMITS))):
        assert theatre.play(QUEUED + number, crash_at=commit, queued=True) == DIED
    assert theatre.play(UNLUCKY, crash_at=2) == DIED
    for _ in range(2):
        assert theatre.play(0, crash_at=4, patient=False) == DIED
    assert theatre.play(UNDISTURBED) == 0
    assert theatre.play(0) == 0
    theatre.close()
    told: list[dict[str, Any]] = json.loads((folder / "found.json").read_text())
    return told


@pytest.fixture(scope="module")
def undisturbed(aftermath) -> Any:
    """A turn that nothing has happened to."""
    return aftermath[UNDISTURBED]


def test_the_undisturbed_turn_is_what_the_others_are_compared_with(undisturbed):
    assert undisturbed["kinds"] == [COMMITS]
    assert undisturbed["answers"] == [ANSWER]
    assert (undisturbed["tools"], undisturbed["appended"]) == (["ok"], 1)
    assert (undisturbed["messages"], undisturbed["iterations"]) == (2, [2])


@pytest.mark.parametrize("commit", range(1, len(COMMITS) + 1), ids=[f"{n}-{k}" for n, k in enumerate(COMMITS, 1)])
def test_a_turn_whose_process_dies_after_any_commit_resumes_and_ends_once(aftermath, undisturbed, commit):
    after = aftermath[commit]
    unknown = COMMITS[commit - 1] == "tool_decided"  # it may have run: nobody knows, so it is not run again
    assert [kind for kind in after["kinds"][0] if kind != "draft_replaced"] == COMMITS
    assert (after["tools"], after["appended"]) == ((["unknown"], 0) if unknown else (["ok"], 1))
    for name in ("answers", "messages", "iterations", "memories", "learner_version"):
        assert after[name] == undisturbed[name]


@pytest.mark.parametrize("place", PLACES)
def test_a_turn_that_is_killed_in_the_middle_of_a_step_resumes_and_ends_once(aftermath, undisturbed, place):
    after = aftermath[KILLED + PLACES.index(place)]
    assert after["kinds"][0].count("turn_complete") == 1
    assert (after["tools"], after["appended"]) == (["unknown" if place == "tool" else "ok"], 1)
    assert ("draft_replaced" in after["kinds"][0]) == (place == "speech")
    for name in ("answers", "messages", "iterations", "memories", "learner_version"):
        assert after[name] == undisturbed[name]


def test_a_turn_may_die_again_and_again(aftermath, undisturbed):
    after = aftermath[UNLUCKY]
    assert after["appended"] <= 1
    for name in ("answers", "messages", "iterations", "memories", "learner_version"):
        assert after[name] == undisturbed[name]


@pytest.mark.parametrize("number", [0, 1])
def test_a_queued_message_is_answered_after_a_restart(aftermath, number):
    after = aftermath[QUEUED + number]
    assert (after["answers"], after["messages"]) == ([ANSWER, ANSWER], 4)
