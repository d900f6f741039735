"""Export and import are each other's inverse, and bad lines change nothing."""

import pytest
from tests.memory.conftest import owner
from tests.memory.test_remember import new

from soma.memory.errors import BadCursor, BadLine, BadMetadata, BadName, BadText, EmptyText, MemoryRefused
from soma.memory.jsonl import to_lines
from soma.memory.types import NewLink


async def exported(memory, who) -> list[str]:
    return sorted(to_lines(await memory.export(who)))


async def test_what_was_exported_is_imported_as_it_was(memory, alice):
    links = [NewLink(to_key="b", relation="before", weight=0.5)]
    await memory.remember(alice, [new("the second", key="b", scope="tenant"), new("alone", metadata={"speaker": "Al"})])
    await memory.remember(alice, [new("the first", key="a", conversation_id="c", links=links, importance=0.9)])
    before = await exported(memory, alice)
    twin = owner(tenant="elsewhere")
    taken = await memory.import_lines(twin, before)
    assert (taken.created, taken.updated, taken.unchanged) == (3, 0, 0)
    assert await exported(memory, twin) == before
    again = await memory.import_lines(twin, before)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 3)


async def test_more_than_a_call_takes_with_links_to_what_comes_later(memory, alice):
    items = [
        f'{{"text": "n{n}", "key": "{n}", "links": [{{"to_key": "{n + 1}", "relation": "next"}}]}}'
        for n in range(1_200)
    ]
    taken = await memory.import_lines(alice, [*items, '{"text": "end", "key": "1200"}'])
    assert taken.created == 1_201
    assert (await memory.statistics(alice)).links == 1_200
    pages, after = [], None
    while True:
        items, after = await memory.export_page(alice, after=after)
        pages.append(len(items))
        if after is None:
            break
    assert pages == [500, 500, 201]
    with pytest.raises(BadCursor):
        await memory.export_page(owner("bob"), after="elsewhere")


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"text": "a", "text": "b"}', '{"key": "k"}', '{"text": 1}', '{"text": "x", "colour": "red"}']
)
async def test_a_bad_line_is_named_and_nothing_is_taken(memory, alice, line):
    with pytest.raises(BadLine) as caught:
        await memory.import_lines(alice, ['{"text": "good"}', line])
    assert (caught.value.field or "").startswith("line 2")
    with pytest.raises(EmptyText):
        await memory.import_lines(alice, ['{"text": "good"}', '{"text": " "}'])
    assert not (await memory.list(alice)).items


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ('"importance": 2', "line 3.importance"),
        ('"importance": NaN', "line 3"),
        ('"scope": "world"', "line 3.scope"),
        ('"links": [{"to_key": "nowhere", "relation": "r"}]', "line 3.links[0].to_key"),
        ('"key": "k", "links": [{"to_key": "k", "relation": "itself"}]', "line 3.links[0].to_key"),
        ('"links": [{"to_key": "a", "relation": "summarises"}]', "line 3.links[0].relation"),
    ],
)
async def test_what_is_wrong_is_told_by_its_line_and_nothing_is_written(memory, alice, fields, at):
    with pytest.raises(MemoryRefused) as caught:
        await memory.import_lines(alice, ['{"text": "good", "key": "a"}', "", f'{{"text": "x", {fields}}}'])
    assert caught.value.field == at
    assert not (await memory.list(alice)).items


async def test_a_line_keeps_its_scope_and_takes_the_given_one_where_it_names_none(memory, alice):
    await memory.import_lines(alice, ['{"text": "own", "scope": "user"}', '{"text": "any"}'], scope="tenant")
    assert {record.text: record.scope for record in (await memory.list(alice)).items} == {
        "own": "user",
        "any": "tenant",
    }


async def test_links_may_lead_to_what_is_there_already(memory, alice):
    await memory.remember(alice, [new("there", key="there", scope="tenant")])
    await memory.import_lines(alice, ['{"text": "x", "links": [{"to_key": "there", "relation": "r"}]}'])
    assert (await memory.statistics(alice)).links == 1


@pytest.mark.parametrize(
    ("line", "field", "names"),
    [
        ('{"role": "user", "content": "x"}', "line 1.role", "text, key, kind, scope"),
        ('{"text": "x", "links": [{"to": "y"}]}', "line 1.links[0].to", "to_key, relation, weight"),
    ],
)
async def test_an_unknown_field_is_named_with_those_that_may_be_there(memory, alice, line, field, names):
    with pytest.raises(BadLine) as caught:
        await memory.import_lines(alice, [line])
    assert caught.value.field == field
    assert names in str(caught.value)


async def test_a_role_is_of_a_message_of_a_conversation_alone(memory, alice):
    with pytest.raises(BadMetadata):
        await memory.import_lines(alice, ['{"text": "x", "metadata": {"role": "user"}}'])
    said = '{"text": "x", "conversation_id": "c", "metadata": {"role": "user"}}'
    assert (await memory.import_lines(alice, [said])).created == 1


async def test_a_text_that_cannot_be_stored_is_a_bad_text_and_such_a_key_a_bad_name(memory, alice):
    with pytest.raises(BadText):
        await memory.import_lines(alice, ['{"text": "a\\u0000b"}'])
    with pytest.raises(BadName):
        await memory.import_lines(alice, ['{"text": "a", "key": "a\\u0000b"}'])
