"""The runner of the fuzzers: trials are repeatable, and whatever a trial raises is told."""

from random import Random

import pytest
from click.testing import CliRunner

from soma.bench.fuzz import FUZZERS, Broken, command
from soma.bench.fuzz.trials import run_trials


async def draws(random: Random) -> str:
    if (number := random.randrange(10)) == 0:
        raise Broken("zero", number)
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


@pytest.mark.parametrize("name", FUZZERS)
def test_every_fuzzer_runs_by_its_command(name: str) -> None:
    ran = CliRunner().invoke(command, [name, "--trials", "3", "--json"])
    assert f'"fuzzer":"{name}"' in ran.output
