"""The search of conversations: every letter's case folded, signs as they are, one's own only, by an index of words."""

import sqlite3
from contextlib import closing

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from tests.agent.stage import Person

from soma.agent.django_settings import database as django_database
from soma.agent.models import Conversation
from soma.agent.storage import search
from soma.agent.storage.search import ConversationKey, find, find_traces, index_message, index_title
from soma.events.database import Database

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXTS = {
    "turkish": "Ünlü şarkıcı İstanbul'da sahneye çıktı.",
    "german": "Die STRAßE ist 100% frei, am 3.10. um 8:30 Uhr.",
    "greek": "ΟΔΥΣΣΕΥΣ επέστρεψε",
    "cyrillic": "Мой кот Барсик спит",
    "chinese": "我的猫叫米索，它很可爱。",
    "thai": "ฉันชอบกินข้าวผัด",
    "hindi": "हिन्दी में लिखा",
    "code": "Is C# like C++? See snake_case in foo.bar, 'single' and \"double\"; it costs 100 apples.",
    "emoji": "My cat 🐈 is happy \N{HEAVY BLACK HEART}\ufe0f",
    "wide": "ＦＵＬＬ width",
    "long": "x" * 60 + " end",
}
FOUND = {
    "ünlü": {"turkish"}, "ÜNLÜ": {"turkish"}, "ŞARKICI": {"turkish"}, "istanbul": {"turkish"}, "İSTANBUL": {"turkish"},
    "strasse": {"german"}, "STRASSE": {"german"}, "straße": {"german"}, "οδυσσευς": {"greek"}, "ОДИН": set(),
    "барсик": {"cyrillic"}, "КОТ": {"cyrillic"}, "猫": {"chinese"}, "米索": {"chinese"}, "索米": set(),
    "กินข้าว": {"thai"}, "हिन्दी": {"hindi"},
    "100%": {"german"}, "100": {"german", "code"}, "%": {"german"}, "_": {"code"}, "snake_case": {"code"},
    "snake_": {"code"}, "snakes": set(), "snake case": {"code"}, "C#": {"code"}, "c++": {"code"}, "c+#": set(),
    "'": {"turkish", "code"}, '"': {"code"}, "'; DROP TABLE": set(), "foo.b": {"code"}, "o.bar": set(),
    "🐈": {"emoji"}, "🐕": set(), "❤": {"emoji"}, "full": {"wide"}, "ｗｉｄｔｈ": {"wide"},
    "app": {"code"}, "APPLES 100": {"code"}, "apples frei": set(), "8:30": {"german"}, "8:3": {"german"},
    "3.10.": {"german"}, "x" * 60: {"long"}, "x" * 50: {"long"}, "y": set(), "* OR": set(), "\\": set(),
}  # fmt: skip


async def _said(person: Person, text: str, *, title: str = "") -> str:
    """A conversation in which that was said."""
    conversation = await person.another_conversation()
    caller = person.caller
    place = ConversationKey(tenant_id=caller.tenant_id, user_id=caller.user_id, conversation_id=conversation)
    await person.agent.writer.write(lambda tx: index_message(tx, place, text))
    await person.agent.writer.write(lambda tx: index_title(tx, place, before="", after=title))
    return conversation


def _found(person: Person, text: str) -> list[str]:
    caller = person.caller
    return find(person.agent.writer.database, tenant_id=caller.tenant_id, user_id=caller.user_id, search=text)


async def test_words_are_found_in_any_case_and_script_and_signs_as_they_are(ann):
    names = {await _said(ann, text): name for name, text in TEXTS.items()}
    assert {text: {names[one] for one in _found(ann, text)} for text in FOUND} == FOUND


async def test_nothing_is_found_of_another_user_of_the_tenant_or_of_another_tenant(stage, ann):
    mine = await _said(ann, "the pelican sleeps")
    neighbour = await stage.newcomer(tenant_id=ann.caller.tenant_id)
    stranger = await stage.newcomer()
    assert _found(ann, "pelican") == [mine]
    assert _found(neighbour, "pelican") == _found(stranger, "pelican") == []


async def test_a_search_meets_only_what_its_user_has_said(stage, ann):
    """However much others have: counted in steps of the database."""
    await _said(ann, "the pelican sleeps")
    database = stage.agent.writer.database
    if database.dialect == "postgresql":  # which counts no steps; the statement and its index are the same
        return

    def steps() -> int:
        taken = []
        with closing(sqlite3.connect(str(database.path))) as raw:
            raw.set_progress_handler(lambda: taken.append(1), 10)
            asked: list[tuple[str, list[object]]] = []

            class Recorder:
                def query(self, sql, parameters):
                    asked.append((sql, parameters))
                    return []

            find(Recorder(), tenant_id=ann.caller.tenant_id, user_id=ann.caller.user_id, search="the pelican")  # type: ignore[arg-type]
            [(sql, parameters)] = asked
            assert len(raw.execute(sql, parameters).fetchall()) == 1
        return len(taken)

    before = steps()
    neighbour = await stage.newcomer(tenant_id=ann.caller.tenant_id)
    for number in range(60):
        await _said(neighbour, f"the pelican {number} sleeps")
    assert steps() <= before + 3


async def test_another_title_takes_the_place_of_the_first_and_takes_no_word_of_a_message(ann):
    place = await _said(ann, "about herons", title="Herons of the lake")
    caller = ann.caller
    where = ConversationKey(tenant_id=caller.tenant_id, user_id=caller.user_id, conversation_id=place)
    assert _found(ann, "lake") == [place]
    await ann.agent.writer.write(lambda tx: index_title(tx, where, before="Herons of the lake", after="Birds"))
    assert _found(ann, "lake") == []
    assert _found(ann, "herons") == _found(ann, "birds") == [place]


async def test_a_deleted_conversation_is_not_found(ann):
    place = await _said(ann, "a kestrel")
    assert _found(ann, "kestrel") == [place]
    await Conversation.objects.filter(id=place).aupdate(deleted_at="2026-01-01T00:00:00Z")
    assert _found(ann, "kestrel") == []


@pytest.mark.usefixtures("stage")
async def test_an_older_database_is_searched_for_what_was_said_before(server, tmp_path):
    url = server.database() if server else f"sqlite:///{tmp_path / 'old.sqlite3'}"
    connections.databases["old"] = {**connections.databases["default"], **django_database(url)}
    try:
        await sync_to_async(_migrated)()
        database = Database(url)
        for text, expected in {"heron": ["spoken"], "ŞARKICI": ["titled"], "nothing": []}.items():
            assert find(database, tenant_id="t", user_id="u", search=text) == expected
        for words, cited in ((["hero"], []), (["cafe"], []), ([], ["m9"])):
            found = find_traces(database, tenant_id="t", user_ids=["u"], words=words, memories=cited)
            assert found == ([] if words == ["hero"] else ["spoken"])
        database.close()
    finally:
        del connections.databases["old"]


def _migrated() -> None:
    """A database of before the index, with rows, brought up to now."""
    executor = MigrationExecutor(connections["old"])
    executor.migrate([("agent", "0006_order_by_number")])
    old = executor.loader.project_state([("agent", "0006_order_by_number")]).apps
    made = {name: old.get_model("agent", name).objects.using("old") for name in ("Tenant", "User", "Capsule")}
    made["Tenant"].create(id="t", name="t")
    made["User"].create(id="u", username="u@t")
    made["Capsule"].create(id="c", tenant_id="t", name="c")
    conversations = old.get_model("agent", "Conversation").objects.using("old")
    for name, title in (("spoken", ""), ("titled", "şarkıcı")):
        conversations.create(id=name, tenant_id="t", user_id="u", capsule_id="c", title=title)
    old.get_model("agent", "Message").objects.using("old").create(
        id="m", tenant_id="t", conversation_id="spoken", turn_id="x", role="user",
        parts=[{"kind": "text", "text": "A HERON stood at the café.", "citations": [{"id": "m9"}]}],
        created_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    indexed = MigrationExecutor(connections["old"])
    indexed.migrate([("agent", "0008_what_was_forgotten")])
    with connections["old"].cursor() as cursor:  # as the index was at first
        cursor.execute("DELETE FROM agent_search_word WHERE word < ' '")
    newest = MigrationExecutor(connections["old"])
    newest.migrate(newest.loader.graph.leaf_nodes())
    connections["old"].close()


async def test_terms_of_a_text_are_as_many_as_its_length_allows():
    for text in ("a-" * 20_000, "猫" * 20_000, "%" * 20_000, " ".join(map(str, range(20_000)))):
        assert len(search.terms_of(text)) <= 20_000
    assert max(map(len, search.terms_of("-".join(["x" * 10_000] * 3)))) <= 2 * search.LONGEST_TERM + 1
