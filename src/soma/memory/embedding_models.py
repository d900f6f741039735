"""The models that vectors were made with, so that a former one still answers after a restart."""

import logging
from collections.abc import Callable

import msgspec

from soma.events.database import Database
from soma.events.writer import Writer
from soma.memory.embedders.base import Embedder
from soma.memory.embedders.choose import ModelChoice
from soma.memory.errors import EmbedderUnavailable
from soma.memory.rows.embeddings import is_model_used
from soma.memory.rows.models import read_choices, write_choice
from soma.memory.spaces import Space

logger = logging.getLogger(__name__)

Make = Callable[[ModelChoice], Embedder]


def find_former(database: Database, chosen: ModelChoice, make: Make) -> list[Embedder]:
    """Find other models whose vectors are stored and that can be asked: the bundled one and those chosen before."""
    choices = [ModelChoice(), *(msgspec.json.decode(text, type=ModelChoice) for text in read_choices(database))]
    others = [make(choice) for choice in dict.fromkeys(choices) if choice != chosen]
    return [one for one in others if is_model_used(database, Space.from_embedder(one).model) and _answers(one)]


def _answers(embedder: Embedder) -> bool:
    """Return whether the model answers. One that is gone must not keep the brain from starting: words answer."""
    try:
        embedder.read("start")
    except EmbedderUnavailable as error:
        logger.warning(
            "the former embedding model cannot be asked; until the new one is done, recall goes by words: %s", error
        )
        return False
    return True


async def write_choice_of(writer: Writer, choice: ModelChoice, embedder: Embedder) -> None:
    model, text = Space.from_embedder(embedder).model, msgspec.json.encode(choice).decode()
    await writer.write(lambda transaction: write_choice(transaction, model, text))
