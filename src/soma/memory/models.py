"""The models that vectors were made with, so that those of a former one still answer after a restart."""

from collections.abc import Callable

import msgspec

from soma.events.database import Database
from soma.events.writer import Writer
from soma.memory.embedders.base import Embedder
from soma.memory.embedders.choose import Choice
from soma.memory.spaces import Space

Make = Callable[[Choice], Embedder]


def former(database: Database, chosen: Choice, make: Make) -> list[Embedder]:
    """Other models whose vectors may be there: the bundled one, and every one that was chosen before."""
    rows = database.query("SELECT choice FROM memory_models ORDER BY model")
    choices = [Choice(), *(msgspec.json.decode(text, type=Choice) for (text,) in rows)]
    return [make(choice) for choice in dict.fromkeys(choices) if choice != chosen]


async def keep(writer: Writer, choice: Choice, embedder: Embedder) -> None:
    model, text = Space.of(embedder).model, msgspec.json.encode(choice).decode()
    await writer.write(
        lambda tx: tx.execute(
            "INSERT INTO memory_models (model, choice) VALUES (?, ?) "
            "ON CONFLICT (model) DO UPDATE SET choice = excluded.choice",
            [model, text],
        )
    )
