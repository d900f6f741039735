"""Links: a stronger one lifts more, a hub says less, and the order of linked memories follows their weights."""

import numpy as np
import pytest
from tests.memory.conftest import owner
from tests.memory.test_remember import new

from soma.bench.data.locomo import load
from soma.memory.types import NewLink, Query
from soma.memory.views import VIEWS

SAID = "The regatta of Lorient starts at the old lighthouse."
SEED = new(SAID, key="seed")


def spearman(first, second) -> float:
    one, other = (np.argsort(np.argsort(values)) for values in (first, second))
    return float(np.corrcoef(one, other)[0, 1])


async def linked(memory, who, text, said=SAID) -> dict[str, float]:
    """A hundred memories linked with weights .1 to 1; weight by key."""
    order = np.random.default_rng(0).permutation(100)
    weights = {f"k{number}": round(0.1 + 0.9 * number / 99, 6) for number in order.tolist()}
    await memory.remember(
        who, [new(said, key="seed"), *(new(text(number), key=key) for number, key in enumerate(weights))]
    )
    for key, weight in weights.items():
        await memory.link(who, "seed", NewLink(to_key=key, relation="about", weight=weight))
    return weights


async def ranked(memory, who, question="where does the regatta start?") -> tuple[dict[str, int], dict[str, float]]:
    found = list(await memory.candidates(who, Query(text=question)))
    graph = {hit.key: hit.views["graph"] for hit in found}
    score = {hit.key: sum(VIEWS[name].weight * value for name, value in hit.views.items()) for hit in found}
    return graph, score


async def test_the_rank_of_a_linked_memory_follows_its_weight(memory, alice):
    weights = await linked(memory, alice, lambda number: f"Remark {number}.")
    graph, score = await ranked(memory, alice)
    assert spearman(list(weights.values()), [graph[key] for key in weights]) >= 0.9
    assert spearman(list(weights.values()), [score[key] for key in weights]) >= 0.9


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("The regatta of Lorient starts at the old lighthouse.", "where does the regatta start?"),
        ("My sister Ines works as a pharmacist in Porto.", "what does Ines do for work?"),
        ("The boiler is serviced every October by Kessler & Sons.", "who services the boiler?"),
    ],
)
async def test_messages_that_have_nothing_in_common_come_in_the_order_of_their_links(
    memory, alice, data, said, question
):
    messages = [message for conversation in load(data) for message in conversation.messages]
    chosen = np.random.default_rng(len(said)).choice(len(messages), 100, replace=False)
    texts = [f"{messages[place].text} ({number})" for number, place in enumerate(chosen.tolist())]
    weights = await linked(memory, alice, lambda number: texts[number], said)
    _, score = await ranked(memory, alice, question)
    assert spearman(list(weights.values()), [score[key] for key in weights]) >= 0.9
    assert max(score, key=lambda key: score[key]) == "seed"


async def test_texts_that_say_the_same_come_in_the_order_of_their_links(memory, alice):
    weights = await linked(memory, alice, lambda _: "See also.")
    _, score = await ranked(memory, alice)
    assert spearman(list(weights.values()), [score[key] for key in weights]) >= 0.9


async def test_a_link_lifts_more_the_stronger_it_is(memory, alice):
    await memory.remember(alice, [SEED, *(new(f"aside {key}", key=key) for key in ("strong", "weak", "none"))])
    await memory.link(alice, "seed", NewLink(to_key="strong", relation="r", weight=1.0))
    await memory.link(alice, "seed", NewLink(to_key="weak", relation="r", weight=0.3))
    graph, _ = await ranked(memory, alice)
    assert graph["strong"] > graph["weak"] > graph["none"]


async def test_a_hub_lifts_each_of_many_less_than_a_memory_with_one_link(memory, alice):
    hub = owner("hub")
    await linked(memory, hub, lambda number: f"Remark {number}.")
    await memory.remember(alice, [SEED, new("Remark 99.", key="k99"), new("Remark 98.", key="k98")])
    await memory.link(alice, "seed", NewLink(to_key="k99", relation="about", weight=1.0))
    [single] = [p.links.shares(i) for p, i in await places(memory, alice)]
    [many] = [p.links.shares(i) for p, i in await places(memory, hub)]
    assert single[0][1] > many[0][1]
    assert len(many) == 64


async def places(memory, who):
    [record] = await memory.get(who, keys=["seed"])
    with memory._store.partitions.open(who.tenant_id, "default", who.visible()) as partitions:
        return [(partition, record.id) for partition in partitions if record.id in partition.slots]
