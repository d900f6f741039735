"""soma bench fuzz: run random input through one part of Soma, trial after trial, and report each broken rule.

To add a fuzzer, write a module here and name it in `FUZZERS`. It has one function:

    @asynccontextmanager
    async def open_trial() -> AsyncIterator[Trial]:
        ...set up what all trials share, yield the trial, tear down...

A `Trial` is `async (random: Random) -> str`: it makes its input from `random` alone, tries it, raises
`RuleBroken(why, tried)` if a rule does not hold, and returns a short word for how it ended (the words are counted). Any
other exception counts as broken too. Trial n of seed s always gets the same numbers, so `--seed s --first n --trials 1`
repeats one. `values.py` makes JSON values of every type. The short form belongs in a test:

    report = await run_fuzzer("provider", seed=1, trials=400)
    assert report.broken == []
"""

import asyncio
from importlib import import_module

import click
import msgspec

from soma.bench.fuzz.trials import FuzzReport, RuleBroken, Trial, run_trials

__all__ = ["FUZZERS", "FuzzReport", "RuleBroken", "Trial", "command", "run_fuzzer"]

FUZZERS = ("obedient", "provider", "stored", "texts", "unicode")


async def run_fuzzer(
    name: str, *, seed: int = 1, first: int = 0, trials: int | None = None, seconds: float | None = None
) -> FuzzReport:
    """Run the trials of one fuzzer until their number or the time is up."""
    module = import_module(f"soma.bench.fuzz.{name}")
    async with module.open_trial() as trial:
        return await run_trials(name, trial, seed=seed, first=first, trials=trials, seconds=seconds)


@click.command("fuzz")
@click.argument("fuzzer", type=click.Choice(FUZZERS))
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=None,
    help="How long to run; 60 unless --trials is given.",
)
@click.option("--trials", type=click.IntRange(1), default=None, help="How many trials, instead of a time.")
@click.option("--seed", default=1, show_default=True, help="Same seed, same input.")
@click.option("--first", type=click.IntRange(0), default=0, show_default=True, help="Number of the first trial.")
@click.option("--json", "as_json", is_flag=True, help="Print one object.")
def command(fuzzer: str, *, seconds: float | None, trials: int | None, seed: int, first: int, as_json: bool) -> None:
    """Run random input through one part of Soma. Exits with 1 if a trial broke a rule."""
    if seconds is None and trials is None:
        seconds = 60.0
    report = asyncio.run(run_fuzzer(fuzzer, seed=seed, first=first, trials=trials, seconds=seconds))
    if as_json:
        click.echo(msgspec.json.encode(report).decode())
    else:
        click.echo(report.as_text())
    if report.broken:
        raise SystemExit(1)
