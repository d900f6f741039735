"""Run tests on code that is broken on purpose, in one process of pytest: first broken, then on the code as it is.

`python -m tests.docs.breaking FILE` leaves in FILE, as JSON, how each test and each broken promise came out.
"""

import functools
import gc
import importlib
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from tests.docs.broken_promises import BROKEN, Broken

ROOT = Path(__file__).parents[2]
LONGEST_SECONDS = 180
QUIET = ("--assert=plain", "-Wignore", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:unraisableexception")


class Stale(Exception):
    """A change that does not fit the code any more."""


def put_in_place(file: Path, old: str, new: str) -> Callable[[], None]:
    """Give every function that the change alters its new code; returns how to undo it. Raises Stale where it cannot."""
    source = file.read_text("utf-8")
    if source.count(old) != 1:
        raise Stale(f"{file.name} holds {source.count(old)} times: {old}")
    if old.count("\n") != new.count("\n"):
        raise Stale("a change keeps the number of lines")
    importlib.import_module(".".join(file.relative_to(ROOT / "src").with_suffix("").parts))
    changed = {_place(code): code for code in _codes(compile(source.replace(old, new), str(file), "exec"))}
    altered = [
        (function, function.__code__, code)
        for function in gc.get_objects()
        if type(function) is FunctionType and function.__code__.co_filename == str(file)
        if (code := changed.get(_place(function.__code__))) is not None and code != function.__code__
    ]
    if not altered:
        raise Stale("the change alters no function")
    for function, _, code in altered:
        function.__code__ = code

    def undo() -> None:
        for function, code, _ in altered:
            function.__code__ = code

    return undo


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


class Breaking:
    """A plugin that runs each test once for each promise it guards, then on the code as it is; module fixtures stay."""

    def __init__(self) -> None:
        self.as_it_is: dict[str, str] = {}
        self.broken: dict[int, list[str]] = {number: [] for number in range(len(BROKEN))}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        for number, broken in enumerate(BROKEN):
            if item.nodeid.startswith((broken.test, f"{broken.test}[")):
                self.broken[number].append(_outcome_of_broken(item, broken))
        self.as_it_is[item.nodeid] = _outcome(item)  # last: so it passes only where all that was broken is whole again
        item.session._setupstate.teardown_exact(nextitem)
        return True


def _forget_cached() -> None:
    """Clear every cache of a function: what broken code put there is no result."""
    for found in gc.get_objects():
        if isinstance(found, functools._lru_cache_wrapper):
            found.cache_clear()


def _outcome_of_broken(item: pytest.Item, broken: Broken) -> str:
    try:
        undo = put_in_place(ROOT / broken.file, broken.old, broken.new)
    except Stale as error:
        return f"stale: {error}"
    try:
        return _outcome(item)
    finally:
        undo()
        _forget_cached()


class _Sibling:
    """Stands for a next test of the same module, so that its fixtures stay and those of the test itself go."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def listchain(self) -> list[Any]:
        return self._item.listchain()[:-1]


def _outcome(item: Any) -> str:
    """Return `passed`, `failed` if a check of the test itself failed, or a description of any other outcome."""
    item._initrequest()
    sibling: Any = _Sibling(item)
    reports = {report.when: report for report in runtestprotocol(item, log=False, nextitem=sibling)}
    for when in ("setup", "call", "teardown"):
        report = reports.get(when)
        if report is not None and not report.passed:
            checked = when == "call" and report.failed and _is_check(report)
            return "failed" if checked else f"{when} {report.outcome}: {report.longreprtext}"
    return "passed"


def _is_check(report: pytest.TestReport) -> bool:
    """Return whether an assertion failed, rather than the broken code by a mistake in the change."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash is not None and crash.message.startswith(("AssertionError", "assert", "Failed: DID NOT RAISE"))


def main(file: str) -> None:
    signal.alarm(LONGEST_SECONDS)
    breaking = Breaking()
    status = pytest.main([*sorted({broken.test for broken in BROKEN}), *QUIET], plugins=[breaking])
    outcomes = {"status": int(status), "as_it_is": breaking.as_it_is, "broken": list(breaking.broken.values())}
    Path(file).write_text(json.dumps(outcomes))


if __name__ == "__main__":
    main(sys.argv[1])
