"""The client's verbs on experiments."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from soma.brain.client.transport import Calls, fields_of
from soma.brain.types import Experiment, Principal
from soma.brain.wire.requests import NewExperiment


class ExperimentCalls(Calls):
    async def experiments(self, principal: Principal, *, status: str | None = None) -> list[Experiment]:
        answer = await self._read(principal, "/v1/experiments", {"status": status}, _ExperimentsAnswer)
        return answer.experiments

    async def experiment(self, principal: Principal, name: str) -> Experiment:
        return await self._read(principal, f"/v1/experiments/{quote(name, safe='')}", {}, Experiment)

    async def create_experiment(self, principal: Principal, request: NewExperiment) -> Experiment:
        """Start an experiment; with a name alone, the shipped one of that name."""
        return await self._commit(principal, "/v1/experiments", fields_of(request), Experiment)

    async def assign_subject(self, principal: Principal, name: str, subject: str) -> str:
        """Return the arm of `subject`, the same for ever."""
        path = f"/v1/experiments/{quote(name, safe='')}/assignments"
        return (await self._commit(principal, path, {"subject": subject}, _AssignmentAnswer)).arm

    async def record_outcomes(self, principal: Principal, name: str, items: Sequence[Mapping[str, Any]]) -> int:
        path = f"/v1/experiments/{quote(name, safe='')}/outcomes"
        return (await self._commit(principal, path, {"items": [dict(item) for item in items]}, _RecordAnswer)).recorded

    async def decide_experiment(self, principal: Principal, name: str, *, stop: bool = False) -> Experiment:
        path = f"/v1/experiments/{quote(name, safe='')}/decision"
        return await self._commit(principal, path, {"stop": stop}, Experiment)


class _ExperimentsAnswer(msgspec.Struct):
    experiments: list[Experiment]


class _AssignmentAnswer(msgspec.Struct):
    arm: str


class _RecordAnswer(msgspec.Struct):
    recorded: int
