"""Views: whole numbers in range, the same each time, each moved by what it is about."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from tests.memory.test_remember import new

from soma.memory.types import NewLink, Query
from soma.memory.views import VIEWS, candidates
from soma.memory.views.question import parse_time

ASKED = Query(text="what did we say about the garden?", at="2030-01-01T00:00:00Z")


async def found(memory, owner, query=ASKED):
    return {hit.key: hit for hit in await memory.candidates(owner, query)}


async def test_views_are_integers_in_range_and_the_same_each_time(memory, alice):
    subjects = ["garden", "kitchen", "garden gate", "holiday", "tax"] * 8
    items = [
        new(f"{number}: about the {subject}", conversation_id="c", occurred_at=f"2029-01-{number % 28 + 1:02d}")
        for number, subject in enumerate(subjects)
    ]
    await memory.remember(alice, items)
    first, second = [await memory.candidates(alice, ASKED) for _ in range(2)]
    assert list(first) == list(second)
    for name, view in VIEWS.items():
        values = [hit.views[name] for hit in first]
        assert all(type(value) is int and 0 <= value <= 65_535 for value in values)
        assert view.is_share or (min(values), max(values)) in {(0, 65_535), (0, 0)}


async def test_a_candidate_alone_has_the_views_that_it_has_at_all(memory, alice):
    await memory.remember(alice, [new("the garden is watered on Fridays", key="a")])
    [alone] = (await found(memory, alice)).values()
    assert alone.views["semantic"] == alone.views["window"] == 65_535
    assert alone.views["linked"] == alone.views["question"] == 0
    assert set(alone.views.values()) == {0, 65_535}


async def test_recent_and_old_are_opposite_halves_of_time(memory, alice):
    await memory.remember(
        alice, [new(f"garden {year}", key=str(year), occurred_at=f"{year}-06-01") for year in range(2020, 2030)]
    )
    hits = await found(memory, alice, Query(text="garden", at="2030-01-01", half_life_days=1000))
    for earlier, later in pairwise(str(year) for year in range(2020, 2030)):
        assert hits[earlier].views["temporal"] < hits[later].views["temporal"]
        assert hits[earlier].views["old"] > hits[later].views["old"]


async def test_the_latest_of_memories_that_say_alike_is_the_newest_and_parts_of_one_text_are_none(memory, alice):
    def said(key, text, at):
        return new(text, key=key, occurred_at=f"2029-{at}")

    await memory.remember(
        alice,
        [
            said("former", "The garden gate is painted green.", "01-01T10:00:00Z"),
            said("one part", "Tomatoes grow in the garden bed.", "02-01T10:00:00Z"),
            said("other part", "Tomatoes grow in a garden bed.", "02-01T10:00:30Z"),
            said("latest", "The garden gate is painted blue.", "03-01T10:00:00Z"),
        ],
    )
    newest = {key: hit.views["newest"] for key, hit in (await found(memory, alice)).items()}
    assert newest["former"] == 0
    assert newest["latest"] == 65_535
    assert newest["one part"] == newest["other part"]


async def test_the_assistant_stands_behind_what_the_user_said_and_what_stands_in_notes(memory, alice):
    await memory.remember(alice, [new("a note of the garden", key="note")])
    roles = ("user", "assistant")
    said = [
        new(f"the garden, says the {role}", key=role, conversation_id="c", metadata={"role": role}) for role in roles
    ]
    await memory.remember(alice, said, are_messages=True)
    views = {key: hit.views["user"] for key, hit in (await found(memory, alice)).items()}
    assert views == {"assistant": 0, "note": 65_535, "user": 65_535}


async def test_names_numbers_and_codes_of_the_question_are_identifiers_and_its_other_words_are_none(memory, alice):
    texts = {"code": "The garden pump is an X-40.", "word": "The garden pump is broken.", "neither": "A garden chair."}
    await memory.remember(alice, [new(text, key=key) for key, text in texts.items()])
    hits = await found(memory, alice, Query(text="Which pump is the X-40 in the garden?", at="2030-01-01"))
    assert {key: hit.views["identifier"] for key, hit in hits.items()} == {"code": 65_535, "word": 0, "neither": 0}


async def test_a_share_that_says_little_of_every_candidate_says_little_of_the_best(memory, alice):
    texts = ["The garden is large.", "We sat in the garden.", "The tax is due."]
    await memory.remember(
        alice, [new(text, conversation_id="c", occurred_at=f"2029-01-01T10:0{at}:00Z") for at, text in enumerate(texts)]
    )
    best = max(hit.views["graph"] for hit in (await found(memory, alice)).values())
    assert 0 < best < 65_535 // 4


async def test_a_neighbour_and_a_session_lift_what_says_nothing_itself(memory, alice):
    def spoken(key, text, conversation):
        return new(text, key=key, conversation_id=conversation, occurred_at="2029-05-01")

    await memory.remember(
        alice,
        [
            spoken("a1", "What did we say about the garden?", "a"),
            spoken("a2", "Oh yes, that.", "a"),
            spoken("b1", "Did you file the taxes?", "b"),
            spoken("b2", "Oh yes, those.", "b"),
        ],
    )
    hits = await found(memory, alice)
    for view in ("window", "surroundings", "session", "graph"):
        assert hits["a2"].views[view] > hits["b2"].views[view]


async def test_a_pause_ends_a_session(memory, alice):
    times = {"a": "2029-05-01T10:00", "b": "2029-05-01T10:05", "c": "2029-05-03T10:00"}
    texts = {"a": "What did we say about the garden?", "b": "Nothing at all.", "c": "Nothing whatever."}
    await memory.remember(
        alice,
        [new(texts[key], key=key, conversation_id="one", occurred_at=times[key]) for key in ("c", "a", "b")],
    )
    hits = await found(memory, alice)
    assert hits["b"].views["session"] > hits["c"].views["session"]


async def test_a_learned_value_enters_as_a_view(memory, alice):
    results = await memory.remember(alice, [new("garden one", key="one"), new("garden two", key="two")])
    await memory.set_values("acme", {results[1].id: 0.9})
    hits = await found(memory, alice)
    assert (hits["one"].views["value"], hits["two"].views["value"]) == (0, 65_535)
    assert (await memory.get(alice, keys=["two"]))[0].value == 0.9


async def test_links_alone_bring_at_most_eight(memory, alice):
    far = [new(f"unrelated {number}", key=f"far{number}") for number in range(30)]
    await memory.remember(alice, far)
    links = [NewLink(to_key=f"far{number}", relation="r") for number in range(30)]
    near = [new(f"garden {number}", key=f"near{number}", links=links) for number in range(20)]
    await memory.remember(alice, near)
    hits = await found(memory, alice, Query(text="garden", top_k=20))
    assert sum(key.startswith("far") for key in hits) == 8


async def test_near_duplicates_are_named(memory, alice):
    await memory.remember(
        alice,
        [new("The garden gate is green."), new("the Garden gate is GREEN."), new("Our taxes are due in May.")],
    )
    candidates = await memory.candidates(alice, ASKED)
    texts = [hit.text for hit in candidates]
    pairs = {
        frozenset((texts[first], texts[second])) for first, second in candidates.duplicates(range(len(candidates)))
    }
    assert pairs == {frozenset(("The garden gate is green.", "the Garden gate is GREEN."))}


async def test_nothing_remembered_is_nothing_found(memory, alice):
    candidates = await memory.candidates(alice, ASKED)
    assert list(candidates) == []
    assert len(candidates.query_embedding) == 384


EDGES = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"]


@pytest.mark.parametrize("at", EDGES)
async def test_no_day_outside_the_calendar_is_looked_for(memory, alice, at):
    await memory.remember(alice, [new("A note of then.", occurred_at=when) for when in EDGES])
    for text in ("note of yesterday and today", "note of 31 december", "note of 1 january", "note of february 30"):
        assert await memory.candidates(alice, Query(text=text, at=at))


def test_yesterday_is_a_day_of_the_calendar():
    first, second = (datetime(1, 1, day, tzinfo=UTC).timestamp() for day in (1, 2))
    assert parse_time("yesterday or today", first).days == (1,)
    assert parse_time("yesterday or today", second).days == (2, 1)


async def test_a_message_that_is_not_compared_word_by_word_lends_nothing_to_those_beside_it(memory, alice, monkeypatch):
    monkeypatch.setattr(candidates, "COMPARED", 1)
    said = ["The garden is watered on Fridays.", *(f"Invoice {number} was paid." for number in range(12))]
    items = [new(text, key=f"k{at}", conversation_id="c", occurred_at="2029-05-01") for at, text in enumerate(said)]
    await memory.remember(alice, items)
    hits = await found(memory, alice, Query(text="when is the garden watered?", at="2030-01-01", top_k=2))
    assert len(hits) < len(said)
    assert hits["k0"].views["window"] == 65_535
    assert min(hit.views["window"] for hit in hits.values()) == 0


def asked_in_chat(text: str, number: int):
    """As a Soma kept a user's question that still remembered all that was said."""
    metadata = {"role": "user", "turn_id": f"turn-{number}", "source": "conversation"}
    return new(text, key=f"asked-{number}", conversation_id=f"c{number}", metadata=metadata)


async def test_questions_that_were_once_remembered_never_stand_before_what_answers_them(memory, alice):
    """A brain in which 300 copies of the question itself were kept, with a mark and without."""
    forms = (
        "How long is the warranty of the Heron?",
        "how long is the warranty of the heron",
        "And the warranty? Why?",
    )
    await memory.remember(alice, [asked_in_chat(forms[number % 3], number) for number in range(300)], are_messages=True)
    await memory.remember(
        alice, [new("The warranty of the Heron is two years.", key="fact"), new("Rex barks.", key="rex")]
    )
    query = Query(text="How long is the warranty of the Heron?", at="2030-01-01", top_k=50)
    assert set(await found(memory, alice, query)) == {"fact", "rex"}


async def test_what_states_something_beside_its_question_and_what_was_imported_is_found(memory, alice):
    """An imported conversation has speakers and no turns: there a question leads to the answer after it."""
    await memory.remember(
        alice,
        [
            asked_in_chat("My dentist is Dr Lund. Where is Mill Street?", 1),
            new("Who is your dentist?", key="imported", metadata={"speaker": "Ann"}),
        ],
        are_messages=True,
    )
    assert set(await found(memory, alice, Query(text="Who is the dentist?"))) == {"asked-1", "imported"}


async def test_a_question_that_was_remembered_is_found_by_its_id_and_by_who_looks_for_questions(memory, alice):
    """It may have been named as what answers a question, and it can be forgotten."""
    [kept] = await memory.remember(alice, [asked_in_chat("Who is my dentist?", 1)], are_messages=True)
    await memory.remember(alice, [new("Rex barks.", key="rex")])
    named = await found(memory, alice, Query(text="Who is my dentist?", also=(kept.id,)))
    assert set(named) == {"asked-1", "rex"}
    looked_for = await found(memory, alice, Query(text="my dentist", with_questions=True))
    assert set(looked_for) == {"asked-1", "rex"}
