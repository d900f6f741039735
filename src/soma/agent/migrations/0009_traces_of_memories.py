"""What was forgotten is found in conversations by an index: the words as they are compared, and the memories cited."""

from importlib import import_module
from typing import Any

from django.db import migrations

from soma.agent.storage.search import ConversationKey, index_traces

words = import_module("soma.agent.migrations.0007_words_of_conversations")


def add(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    messages = apps.get_model("agent", "Message").objects.using(connection.alias)
    with connection.cursor() as raw:
        cursor = words.Cursor(raw)
        for row in messages.select_related("conversation").order_by("conversation_id").iterator():
            owner = row.conversation
            place = ConversationKey(tenant_id=owner.tenant_id, user_id=owner.user_id, conversation_id=owner.id)
            part = row.parts[0]
            index_traces(cursor, place, part["text"], [str(one.get("id")) for one in part.get("citations") or []])


class Migration(migrations.Migration):
    dependencies = [("agent", "0008_what_was_forgotten")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
