"""Trials: run by number or time, and collected in a report. Knows nothing of what is tried."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random

import msgspec

MOST_KEPT = 20  # broken trials in a report; further ones are only counted
LONGEST_INPUT = 2_000  # characters of an input in a report
LONGEST_TRIAL = 60.0  # seconds; a trial that hangs is broken

Trial = Callable[[Random], Awaitable[str]]


class RuleBroken(Exception):
    """A rule did not hold for the input `tried`."""

    def __init__(self, why: str, tried: object = "") -> None:
        super().__init__(why)
        self.tried = tried


class BrokenTrial(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    why: str
    tried: str


class FuzzReport(msgspec.Struct, kw_only=True):
    """The outcome of a run: `ended` counts trials by their word; `broken` holds the first of `broken_trials`."""

    fuzzer: str
    seed: int
    trials: int = 0
    seconds: float = 0.0
    ended: dict[str, int] = {}
    broken_trials: int = 0
    broken: list[BrokenTrial] = []

    def as_text(self) -> str:
        lines = [f"{self.fuzzer}: {self.trials:,} trials of seed {self.seed} in {self.seconds:.1f} s"]
        lines += [f"  {count:8,}  {word}" for word, count in sorted(self.ended.items(), key=lambda item: -item[1])]
        lines += [f"broken: {self.broken_trials:,}"]
        lines += [f"  --first {one.number} --trials 1: {one.why}\n    {one.tried}" for one in self.broken]
        return "\n".join(lines)


async def run_trials(
    name: str, trial: Trial, *, seed: int, first: int = 0, trials: int | None = None, seconds: float | None = None
) -> FuzzReport:
    """Run trials one after another until their number or the time is up."""
    report, ended, began = FuzzReport(fuzzer=name, seed=seed), Counter[str](), time.monotonic()
    while (trials is None or report.trials < trials) and (seconds is None or time.monotonic() - began < seconds):
        number = first + report.trials
        found = await _try(trial, Random(f"{seed}:{number}"), number)
        if isinstance(found, BrokenTrial):
            report.broken_trials += 1
            report.broken += [found] if len(report.broken) < MOST_KEPT else []
        else:
            ended[found] += 1
        report.trials += 1
    report.ended, report.seconds = dict(ended), time.monotonic() - began
    return report


async def _try(trial: Trial, random: Random, number: int) -> str | BrokenTrial:
    try:
        async with asyncio.timeout(LONGEST_TRIAL):
            return await trial(random)
    except RuleBroken as broken:
        return BrokenTrial(number=number, why=str(broken), tried=_short(broken.tried))
    except TimeoutError:
        return BrokenTrial(number=number, why=f"no end within {LONGEST_TRIAL:.0f} s", tried="")
    except Exception as error:  # noqa: BLE001 - whatever a trial raises is a finding
        return BrokenTrial(number=number, why=f"{type(error).__name__}: {error}", tried="")


def _short(tried: object) -> str:
    text = tried if isinstance(tried, str) else repr(tried)
    return text if len(text) <= LONGEST_INPUT else f"{text[:LONGEST_INPUT]}... ({len(text):,} characters)"
