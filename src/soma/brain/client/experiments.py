"""The brain's verbs on experiments, as a client says them."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from soma.brain.client.transport import Calls
from soma.brain.types import Experiment, Principal


class ExperimentCalls(Calls):
    async def experiments(self, principal: Principal, *, status: str | None = None) -> list[Experiment]:
        answer = await self._read(principal, "/v1/experiments", {"status": status}, _ExperimentsAnswer)
        return answer.experiments

    async def experiment(self, principal: Principal, name: str) -> Experiment:
        return await self._read(principal, f"/v1/experiments/{quote(name, safe='')}", {}, Experiment)

    async def create_experiment(self, principal: Principal, **body: Any) -> Experiment:
        """`body` is that of POST /v1/experiments; with a name alone, the shipped experiment of that name."""
        return await self._commit(principal, "/v1/experiments", body, Experiment)

    async def assign_subject(self, principal: Principal, name: str, subject: str) -> str:
        """The arm of `subject`, the same for ever."""
        path = f"/v1/experiments/{quote(name, safe='')}/assignments"
        return (await self._commit(principal, path, {"subject": subject}, _AssignmentAnswer)).arm

    async def record_outcomes(self, principal: Principal, name: str, items: Sequence[Mapping[str, Any]]) -> int:
        path = f"/v1/experiments/{quote(name, safe='')}/outcomes"
        return (
            await self._commit(principal, path, {"items": [dict(item) for item in items]}, _RecordedAnswer)
        ).recorded

    async def decide_experiment(self, principal: Principal, name: str, *, stop: bool = False) -> Experiment:
        path = f"/v1/experiments/{quote(name, safe='')}/decision"
        return await self._commit(principal, path, {"stop": stop}, Experiment)


class _ExperimentsAnswer(msgspec.Struct):
    experiments: list[Experiment]


class _AssignmentAnswer(msgspec.Struct):
    arm: str


class _RecordedAnswer(msgspec.Struct):
    recorded: int
