"""The runner of the fuzzers: trials are repeatable, and whatever a trial raises is told."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from random import Random

import pytest

from soma.bench.fuzz import FUZZERS, RuleBroken, run_fuzzer
from soma.bench.fuzz.provider import open_provider, read_stream
from soma.bench.fuzz.trials import run_trials


async def draws(random: Random) -> str:
    if (number := random.randrange(10)) == 0:
        raise RuleBroken("zero", number)
    if number == 1:
        raise ValueError("one")
    return "even" if number % 2 == 0 else "odd"


async def test_a_trial_can_be_tried_again_by_its_number() -> None:
    report = await run_trials("draws", draws, seed=3, trials=60)
    assert sum(report.ended.values()) + report.broken_trials == report.trials == 60
    assert {one.why for one in report.broken} == {"zero", "ValueError: one"}
    for broken in report.broken:
        [again] = (await run_trials("draws", draws, seed=3, first=broken.number, trials=1)).broken
        assert again == broken


async def test_trials_end_with_their_time() -> None:
    assert (await run_trials("draws", draws, seed=3, seconds=0.02)).trials > 0


TRIALS = {"stored": 8}  # of those whose short form is their command: six turns a trial


@pytest.mark.e2e
@pytest.mark.parametrize("name", FUZZERS)
def test_every_fuzzer_runs_by_its_command(name: str) -> None:
    """As a process: a fuzzer may need one of its own."""
    soma, trials = str(Path(sys.executable).with_name("soma")), TRIALS.get(name, 2)
    words = [soma, "bench", "fuzz", name, "--trials", str(trials), "--json"]
    ran = subprocess.run(words, capture_output=True, timeout=120, check=True)
    report = json.loads(ran.stdout)
    assert (report["fuzzer"], report["trials"], report["broken"]) == (name, trials, [])


async def test_streams_of_any_types_are_read_by_the_adapter() -> None:
    async with open_provider() as (provider, model):
        report = await run_trials("provider", partial(read_stream, provider, model), seed=1, trials=200)
    assert report.broken == []
    assert {"answered", "model_unavailable", "model_failed", "model_unauthorized"} == report.ended.keys()


async def test_an_obedient_model_gets_nothing_planted_past_policy() -> None:
    report = await run_fuzzer("obedient", seed=1, trials=300)
    assert report.broken == []
    assert {word.split(":")[0] for word in report.ended} >= {"remember", "forget", "free to read"}
