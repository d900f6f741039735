"""Marks of what was forgotten, and the tool that asks before it forgets for every agent that may remember."""

from typing import Any

from django.db import migrations, models


def let_agents_forget(apps: Any, _: Any) -> None:
    for capsule in apps.get_model("agent", "Capsule").objects.all():
        if capsule.capabilities.get("remember", {}).get("enabled") and "forget" not in capsule.capabilities:
            capsule.capabilities["forget"] = {"enabled": True}
            capsule.save(update_fields=["capabilities"])


class Migration(migrations.Migration):
    dependencies = [
        ("agent", "0007_words_of_conversations"),
    ]

    operations = [
        migrations.CreateModel(
            name="ForgottenMemory",
            fields=[
                ("memory_id", models.CharField(max_length=36, primary_key=True, serialize=False)),
                ("tenant_id", models.CharField(max_length=64)),
                ("receipt_id", models.CharField(max_length=36)),
                ("at", models.CharField(max_length=40)),
            ],
        ),
        migrations.CreateModel(
            name="Withheld",
            fields=[
                ("turn_id", models.CharField(max_length=36, primary_key=True, serialize=False)),
                ("tenant_id", models.CharField(max_length=64)),
                ("conversation_id", models.CharField(max_length=36)),
                ("receipt_id", models.CharField(max_length=36)),
                ("at", models.CharField(max_length=40)),
            ],
            options={
                "indexes": [models.Index(fields=["tenant_id", "conversation_id"], name="withheld_in")],
            },
        ),
        migrations.RunPython(let_agents_forget, migrations.RunPython.noop),
    ]
