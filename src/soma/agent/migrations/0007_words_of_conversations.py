"""The index by which conversations are searched, and the words of those that are there."""

from collections.abc import Sequence
from typing import Any

from django.db import migrations

from soma.agent.storage.search import ConversationKey, index_message, index_title

TABLES = {
    "sqlite": (
        "CREATE TABLE agent_search_place (id INTEGER PRIMARY KEY, conversation_id TEXT NOT NULL UNIQUE "
        "REFERENCES agent_conversation (id) ON DELETE CASCADE)",
        "CREATE TABLE agent_search_word (scope INTEGER NOT NULL, word TEXT NOT NULL, place INTEGER NOT NULL "
        "REFERENCES agent_search_place (id) ON DELETE CASCADE, in_title INTEGER NOT NULL, "
        "PRIMARY KEY (scope, word, place, in_title)) WITHOUT ROWID",
    ),
    "postgresql": (
        "CREATE TABLE agent_search_place (id BIGSERIAL PRIMARY KEY, conversation_id VARCHAR(36) NOT NULL UNIQUE "
        "REFERENCES agent_conversation (id) ON DELETE CASCADE)",
        'CREATE TABLE agent_search_word (scope BIGINT NOT NULL, word TEXT COLLATE "C" NOT NULL, place BIGINT NOT NULL '
        "REFERENCES agent_search_place (id) ON DELETE CASCADE, in_title SMALLINT NOT NULL, "
        "PRIMARY KEY (scope, word, place, in_title))",
    ),
}


class Cursor:
    """Django's cursor with the verbs and placeholders of the log's writer."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def execute(self, sql: str, parameters: Sequence[Any]) -> None:
        self._cursor.execute(sql.replace("?", "%s"), parameters)

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._cursor.executemany(sql.replace("?", "%s"), rows)

    def query(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        self._cursor.execute(sql.replace("?", "%s"), parameters)
        return list(self._cursor.fetchall())


def create(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    conversations = apps.get_model("agent", "Conversation").objects.using(connection.alias)
    messages = apps.get_model("agent", "Message").objects.using(connection.alias)
    with connection.cursor() as raw:
        for sql in TABLES[connection.vendor]:
            raw.execute(sql)
        cursor = Cursor(raw)
        places = {}
        for row in conversations.iterator():
            place = ConversationKey(tenant_id=row.tenant_id, user_id=row.user_id, conversation_id=row.id)
            places[row.id] = place
            index_title(cursor, place, before="", after=row.title)
        for row in messages.order_by("conversation_id").iterator():
            index_message(cursor, places[row.conversation_id], row.parts[0]["text"])


def drop(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("DROP TABLE agent_search_word")
        cursor.execute("DROP TABLE agent_search_place")


class Migration(migrations.Migration):
    dependencies = [("agent", "0006_order_by_number")]

    operations = [migrations.RunPython(create, drop)]
