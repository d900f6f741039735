"""Rego decided in process by rego-cpp, in a thread that can be left behind.

A policy that loops cannot be stopped, only abandoned: the decision is `deny`, and a new thread with an
interpreter of its own takes over. Whatever goes wrong denies.
"""

import asyncio
import hashlib
import json
import queue
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import asdict
from importlib import resources
from typing import Any, Self

from regopy import Interpreter, LogLevel, RegoError

from soma.agent.policy.base import PolicyInput, Verdict

ENTRYPOINT = "soma/verdict"
DEFAULT_DATA = {
    "writing_roles": ["member", "owner"],
    "known_roles": ["member", "owner", "viewer"],
    "read_only_categories": ["compute", "read"],
}
MAX_ABANDONED = 4
TIMEOUT_SECONDS = 5.0

_Job = tuple[dict[str, Any], "Future[Any]"]


class RegoPolicy:
    """A policy in Rego. `timeout_seconds` covers waiting, compiling and deciding; a decision usually takes 0.1 ms.

    So it only ends a policy that loops. It must outlast a process under load, as after a restart with turns to resume:
    there a short one would deny what the rules allow.
    """

    def __init__(
        self, text: str, data: Mapping[str, Any] | None = None, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._text = text
        self._data = dict(DEFAULT_DATA if data is None else data)
        self._timeout_seconds = timeout_seconds
        self._version = policy_version(text, self._data)
        self._abandoned: list[_Worker] = []
        self._worker = _Worker(self._text, self._data)

    @classmethod
    def default(cls, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Self:
        text = resources.files("soma.agent.policy").joinpath("default.rego").read_text(encoding="utf-8")
        return cls(text, timeout_seconds=timeout_seconds)

    @property
    def version(self) -> str:
        return self._version

    async def decide(self, facts: PolicyInput) -> Verdict:
        worker = self._current()
        if worker is None:
            return self._deny("policy_stuck", f"{MAX_ABANDONED} policy decisions are still running")
        answer = worker.ask(asdict(facts))
        arrival = asyncio.wrap_future(answer)
        arrival.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait({arrival}, timeout=self._timeout_seconds)
        if not answer.done():  # if it is, it counts, though the process may have been too busy to look in time
            answer.cancel()
            self._abandon(worker)
            return self._deny("policy_timeout", f"no verdict within {self._timeout_seconds:g} s")
        try:
            return self._verdict(answer.result())
        except PolicyBroken as error:
            return self._deny("policy_error", str(error))

    def close(self) -> None:
        self._worker.stop()

    def _verdict(self, value: Any) -> Verdict:
        match value:
            case {"allow": bool(allow), "rule": str(rule), "reason": str(reason)}:
                return Verdict(allow=allow, rule=rule, reason=reason, policy_version=self._version)
        raise PolicyBroken(f"{ENTRYPOINT} must be an object of allow, rule and reason")

    def _deny(self, rule: str, reason: str) -> Verdict:
        return Verdict(allow=False, rule=rule, reason=reason, policy_version=self._version)

    def _current(self) -> "_Worker | None":
        self._abandoned = [worker for worker in self._abandoned if worker.is_alive()]
        return self._worker if len(self._abandoned) < MAX_ABANDONED else None

    def _abandon(self, worker: "_Worker") -> None:
        worker.stop()
        if worker is self._worker:
            self._abandoned.append(worker)
            self._worker = _Worker(self._text, self._data)


class PolicyBroken(Exception):
    """The policy's text does not compile or gives no verdict; everything is denied until it is mended."""

    code = "policy_broken"


def policy_version(text: str, data: Mapping[str, Any]) -> str:
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{text}\0{canonical}".encode()).hexdigest()


class _Worker:
    """One thread with one interpreter; a daemon, so that a decision without end does not keep the process alive."""

    def __init__(self, text: str, data: dict[str, Any]) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, args=(text, data), name="policy", daemon=True)
        self._thread.start()

    def ask(self, facts: dict[str, Any]) -> "Future[Any]":
        answer: Future[Any] = Future()
        self._jobs.put((facts, answer))
        return answer

    def stop(self) -> None:
        self._jobs.put(None)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self, text: str, data: dict[str, Any]) -> None:
        bundle: Any = None
        problem = ""
        try:
            bundle = _compile(text, data)
        except RegoError as error:
            problem = str(error).strip()
        interpreter = _interpreter()
        while (job := self._jobs.get()) is not None:
            facts, answer = job
            if not answer.set_running_or_notify_cancel():
                continue
            if bundle is None:
                answer.set_exception(PolicyBroken(problem))
                continue
            try:
                interpreter.set_input(json.loads(json.dumps(facts)))
                output = interpreter.query_bundle_entrypoint(bundle, ENTRYPOINT)
                answer.set_result(output.results[0].expressions[0])
            except (RegoError, LookupError, TypeError, ValueError) as error:
                answer.set_exception(PolicyBroken(f"no verdict: {error}"))


def _interpreter() -> Interpreter:
    interpreter = Interpreter()
    interpreter.log_level = LogLevel.NONE
    return interpreter


def _compile(text: str, data: dict[str, Any]) -> Any:
    interpreter = _interpreter()
    interpreter.add_data({"settings": data})
    interpreter.add_module("policy", text)
    return interpreter.build(None, [ENTRYPOINT])
