"""A hundred tenants with equal keys, two users in one of them, in parallel, eviction forced: nothing crosses."""

import asyncio
import json
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.memory.conftest import opened, owner
from tests.memory.test_remember import new

from soma.memory.errors import MemoryRefused
from soma.memory.types import Owner, Query

pytestmark = pytest.mark.long

TENANTS = 100
KEYS = ("home", "work", "secret")
HUNDRED = [owner("anna", tenant=f"tenant{number}") for number in range(TENANTS)]
EVERYBODY = [*HUNDRED, owner("bert", tenant="tenant0")]

ACTIONS = st.lists(
    st.tuples(st.integers(0, TENANTS), st.sampled_from(("remember", "forget", "look")), st.sampled_from(KEYS)),
    min_size=40,
    max_size=80,
)


def mark(who: Owner) -> str:
    """A word that only this owner ever writes."""
    return f"zz{who.tenant_id}{who.user_id}"


async def act(memory, who, action, key) -> str:
    """Everything that the owner gets back, errors too."""
    if action == "remember":
        return str(await memory.remember(who, [new(f"{mark(who)} keeps the {key}", key=key)]))
    if action == "forget":
        try:
            return str(await memory.forget(who, keys=[key]))
        except MemoryRefused as error:
            return str(error)
    found = await memory.candidates(who, Query(text=f"who keeps the {key}?"))
    return json.dumps(
        [
            [hit.text for hit in found],
            [record.text for record in (await memory.search(who, "keeps")).items],
            [record.text for record in (await memory.list(who)).items],
            list(await memory.export(who)),
            str(await memory.statistics(who)),
        ]
    )


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS, seed=st.integers(0, 2**32))
async def test_nothing_crosses_between_a_hundred_tenants(tmp_path_factory, embedder, actions, seed):
    from tests.memory.conftest import prepared

    from soma.events.database import Database

    folder = tmp_path_factory.mktemp("crossing")
    database = prepared(Database(f"sqlite:///{folder}/brain.sqlite3"))
    async with opened(database, embedder, bound_bytes=1) as memory:
        order = list(range(len(EVERYBODY)))
        Random(seed).shuffle(order)
        first = [act(memory, EVERYBODY[number], "remember", "home") for number in order]
        await asyncio.gather(*first)
        whos = [EVERYBODY[number] for number, _, _ in actions]
        steps = [(who, act(memory, who, action, key)) for who, (_, action, key) in zip(whos, actions, strict=True)]
        answers = await asyncio.gather(*(step for _, step in steps))
        looks = await asyncio.gather(*(act(memory, who, "look", "home") for who in EVERYBODY))
        marks = {who: mark(who) for who in EVERYBODY}
        for who, answer in [*zip(whos, answers, strict=True), *zip(EVERYBODY, looks, strict=True)]:
            foreign = answer.replace(marks[who] + " ", "")
            assert "zz" not in foreign, f"{who} saw {foreign}"
        assert memory._store.partitions.evictions > TENANTS
