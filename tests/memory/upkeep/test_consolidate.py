"""Consolidation: what belongs together is summarised and linked, never above its sources, and can be taken back."""

import json

import pytest
from tests.memory.conftest import opened, owner, prepared
from tests.memory.test_remember import new

from soma.events.database import Database
from soma.memory import checks
from soma.memory.errors import BadMetadata, BadName, UnknownKey
from soma.memory.types import NewLink, Query
from soma.memory.upkeep import consolidate, episodes
from soma.memory.views import VIEWS

GARDEN = [
    "Caroline planted tomatoes in the garden behind the house.",
    "The tomatoes in the garden need water every evening.",
    "Caroline picked the first ripe tomatoes from her garden today.",
    "Snails ate half of the garden tomatoes last night.",
]
TRAIN = [
    "The train to Bern leaves at nine from platform four.",
    "Our train to Bern was late by an hour again.",
    "I bought two train tickets to Bern for Friday.",
]


@pytest.fixture(autouse=True)
def _enough_time(monkeypatch):
    """Let a cycle find all its groups, however busy the machine is."""
    monkeypatch.setattr(consolidate, "BUDGET_SECONDS", 60.0)


@pytest.fixture
async def told(memory, alice):
    for name, texts in (("garden", GARDEN), ("train", TRAIN)):
        items = [
            new(text, key=f"{name}{n}", conversation_id=f"{name}{n}", metadata={"speaker": "Caroline"}, importance=0.5)
            for n, text in enumerate(texts)
        ]
        await memory.remember(alice, items)
    await memory.remember(alice, [new("My taxes are due in May.", key="taxes")])
    return memory


async def synthesised(memory, who):
    return [record for record in (await memory.list(who)).items if "synthesised" in record.metadata]


def rows(database):
    living = "SELECT id, text, checksum, revision FROM memories WHERE forgotten_at IS NULL ORDER BY id"
    vectors = "SELECT memory_id, model, seal FROM memory_embeddings ORDER BY 1"
    return [database.query(sql) for sql in (living, vectors, "SELECT * FROM memory_links ORDER BY 2, 3, 4")]


async def test_related_episodes_become_a_summary_that_says_where_it_is_from(told, alice, database):
    done = await told.consolidate(alice)
    assert [one.phase for one in done].count("nrem") == 2
    garden = next(one for one in done if len(one.sources) == 4)
    [summary] = await told.get(alice, ids=garden.made)
    assert summary.kind == "semantic"
    assert (summary.metadata["synthesised"], summary.metadata["consolidation"]) == ("nrem", garden.id)
    assert set(summary.metadata["sources"]) == set(garden.sources)
    assert any(text in summary.text for text in GARDEN)
    assert "taxes" not in summary.text
    [(payload,)] = database.query(
        "SELECT payload FROM events WHERE event_type = 'memory.consolidated' "
        "AND json_extract(payload, '$.consolidation_id') = ?",
        [garden.id],
    )
    fact = json.loads(payload)
    assert (fact["made"], fact["sources"], fact["method"]) == (garden.made, garden.sources, "extractive")
    assert fact["links"] == []  # there were none to reinforce


async def test_the_same_memories_give_the_same_summary(told, alice, tmp_path, embedder):

    texts = []
    for number in range(2):
        async with opened(prepared(Database(f"sqlite:///{tmp_path}/{number}.sqlite3")), embedder) as other:
            await other.remember(alice, [new(text) for text in (*GARDEN, *TRAIN)])
            await other.consolidate(alice)
            texts.append([record.text for record in await synthesised(other, alice)])
    assert texts[0] == texts[1] != []


async def test_some_pairs_of_different_conversations_are_recombined_and_marked(told, alice):
    done = await told.consolidate(alice)
    dreams = [one for one in done if one.phase == "rem"]
    assert 1 <= len(dreams) <= 2  # a fifth of the ten pairs of five episodes
    for dream in dreams:
        [record] = await told.get(alice, ids=dream.made)
        assert (record.metadata["synthesised"], record.importance, len(dream.sources)) == ("rem", 0.1, 2)


async def test_a_full_consolidation_ends(told, alice):
    cycles = 0
    while await told.consolidate(alice):
        cycles += 1
        assert cycles < 10


async def test_links_between_what_belongs_together_are_reinforced(told, alice, database):
    await told.link(alice, "garden0", NewLink(to_key="garden1", relation="about", weight=0.5))
    await told.consolidate(alice)
    assert database.query("SELECT weight FROM memory_links WHERE relation = 'about'") == [(0.55,)]
    with told._store.partitions.open("acme", "default", alice.visible()) as (private, *_):
        assert len(list(private.links.pairs())) == 2  # both ways: where a summary is from makes nothing come to mind


async def test_undoing_it_restores_what_was(told, alice, database):
    await told.link(alice, "garden0", NewLink(to_key="garden1", relation="about", weight=0.5))
    before, found = rows(database), await told.candidates(alice, Query(text="tomatoes", at="2030-01-01T00:00:00Z"))
    done = await told.consolidate(alice)
    assert rows(database) != before
    for one in reversed(done):
        undone = await told.undo(alice, one.id)
        assert undone.removed == one.made
        assert (await told.undo(alice, one.id)).removed == []
    assert rows(database) == before
    again = await told.candidates(alice, Query(text="tomatoes", at="2030-01-01T00:00:00Z"))
    assert {hit.id: hit.views for hit in again} == {hit.id: hit.views for hit in found}
    assert [past.undone_at is not None for past in await told.consolidations(alice)] == [True] * len(done)
    assert await told.consolidate(alice) == []  # nobody wants it back the next night


async def test_others_neither_see_nor_undo_it(told, alice):
    [one, *_] = await told.consolidate(alice)
    for stranger in (owner("bob"), owner(tenant="rival")):
        assert await told.consolidations(stranger) == []
        assert await synthesised(told, stranger) == []
        with pytest.raises(UnknownKey):
            await told.undo(stranger, one.id)


async def test_what_is_forgotten_is_forgotten_in_summaries_too(told, alice):
    await told.consolidate(alice)
    await told.forget(alice, keys=[f"garden{n}" for n in range(4)])
    everything = [record.text for record in (await told.list(alice)).items]
    assert not any("tomatoes" in text for text in everything)
    assert not (await told.search(alice, "tomatoes")).items


@pytest.mark.parametrize("relation", ["summarises", "recombines", "associated"])
async def test_what_consolidation_links_by_is_not_for_people(told, alice, relation):
    link = NewLink(to_key="garden0", relation=relation)
    for refused in (told.link(alice, "taxes", link), told.remember(alice, [new("mine", links=[link])])):
        with pytest.raises(BadName, match="is reserved for Soma itself") as caught:
            await refused
        assert str(caught.value.field).endswith("relation")


@pytest.mark.parametrize("name", ["synthesised", "consolidation", "sources"])
async def test_what_consolidation_marks_its_own_by_is_not_for_people(told, alice, name):
    with pytest.raises(BadMetadata) as caught:
        await told.remember(alice, [new("good"), new("mine", metadata={name: "x"})])
    assert caught.value.field == f"items[1].metadata.{name}"
    assert not (await told.search(alice, "good")).items


async def test_an_export_leaves_out_what_was_made_and_links_to_it(told, alice):
    await told.consolidate(alice)
    [made, *_] = await synthesised(told, alice)
    await told.link(alice, "taxes", NewLink(to_key=made.key, relation="about"))
    exported = list(await told.export(alice))
    assert {item["key"] for item in exported} >= {"taxes", "garden0"}
    assert not [item for item in exported if item["links"] or "synthesised" in item["metadata"]]


@pytest.mark.parametrize("change", ["forget", "retell"])
async def test_a_link_that_looks_like_consolidation_takes_nothing_with_it(memory, alice, monkeypatch, change):
    """As people could make them before the relations were reserved; here between two users and within one."""
    monkeypatch.setattr(checks, "MADE", frozenset())
    link = NewLink(to_key="shared", relation="summarises")
    await memory.remember(alice, [new("our plan", key="shared", scope="tenant")])
    for who in (alice, owner("bob")):
        await memory.remember(who, [new("my own view of it", key="view", links=[link])])
    await memory.remember(alice, [new("also ours", key="too", scope="tenant", links=[link])])
    if change == "forget":
        await memory.forget(alice, keys=["shared"])
    else:
        await memory.remember(alice, [new("another plan", key="shared", scope="tenant")])
    for who in (alice, owner("bob")):
        assert [record.key for record in await memory.get(who, keys=["view", "too"])] == ["view", "too"]


async def test_a_source_that_says_something_else_now_takes_its_summary_with_it(told, alice):
    done = await told.consolidate(alice)
    garden = next(one for one in done if len(one.sources) == 4)
    await told.remember(alice, [new("Roses now, no more vegetables.", key="garden2", conversation_id="garden2")])
    assert not {record.id for record in await synthesised(told, alice)} & set(garden.made)


async def test_an_export_holds_no_summaries(told, alice):
    before = list(await told.export(alice))
    await told.consolidate(alice)
    exported = list(await told.export(alice))
    assert {item["key"] for item in exported} == {item["key"] for item in before}


QUESTIONS = [
    "tomatoes in the garden",
    "when does the train to Bern leave?",
    "what did Caroline pick?",
    "Bern",
    "garden",
]


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_synthesised_memory_never_outranks_its_sources(told, alice, question):
    while await told.consolidate(alice):
        pass
    found = list(await told.candidates(alice, Query(text=question)))
    views = tuple(VIEWS)
    weights = [view.weight for view in VIEWS.values()]
    scores = {hit.id: sum(w * hit.views[name] for w, name in zip(weights, views, strict=True)) for hit in found}
    made = [hit for hit in found if "synthesised" in hit.metadata]
    assert made
    for hit in made:
        sources = [scores[source] for source in hit.metadata["sources"] if source in scores]
        assert sources
        assert scores[hit.id] <= min(sources)


async def test_with_a_language_model_its_words_are_kept(told, alice, database):
    asked = []

    async def summarise(texts):
        asked.append(list(texts))
        return "  They grow\n tomatoes. "

    done = await told.consolidate(alice, summarise=summarise)
    assert len(asked) == len(done)
    assert f"Caroline: {GARDEN[0]}" in {text for texts in asked for text in texts}
    assert {record.text for record in await synthesised(told, alice)} == {"They grow tomatoes."}
    methods = database.query("SELECT DISTINCT method FROM memory_consolidations")
    assert methods == [("model",)]


async def test_a_language_model_that_fails_leaves_everything_as_it_was(told, alice, database):
    async def summarise(texts):
        raise TimeoutError("no answer")

    before = rows(database)
    with pytest.raises(TimeoutError):
        await told.consolidate(alice, summarise=summarise)
    assert rows(database) == before


@pytest.mark.parametrize(
    "said",
    [
        ["母は毎朝お茶を飲みます。", "会議は新橋であります。", "潮位計を買います。", "犬が庭で眠ります。"],
        ["GARDEN is where?", *(f"Where are the tomatoes of the garden of Caroline, row {n}?" for n in range(3))],
        [f"トマトの庭はどこですか、{n}番の列の庭ですか。" for n in range(4)],
    ],
)
async def test_what_shares_no_word_with_a_meaning_or_only_asks_is_never_merged(memory, alice, said, monkeypatch):
    monkeypatch.setattr(episodes, "NEAR", -1.0)  # as where the model does not read the script
    await memory.remember(alice, [new(text, key=f"m{n}", conversation_id=f"c{n}") for n, text in enumerate(said)])
    await memory.consolidate(alice)
    assert await synthesised(memory, alice) == []


async def test_texts_without_spaces_are_merged_by_their_words(memory, alice, monkeypatch):
    monkeypatch.setattr(episodes, "NEAR", -1.0)
    said = ["会議は新橋であります。", "新橋の事務所は三階です。", "新橋で昼食を食べました。", "新橋の鍵はどこですか。"]
    await memory.remember(alice, [new(text, key=f"m{n}", conversation_id=f"c{n}") for n, text in enumerate(said)])
    [summary, *_] = [one for one in await memory.consolidate(alice) if one.phase == "nrem"]
    [made] = await memory.get(alice, ids=summary.made)
    assert len(summary.sources) == 3
    assert "どこ" not in made.text
