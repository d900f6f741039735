"""Questions are asked as they were: of what was known then, on their own day."""

from datetime import UTC, datetime

from soma.bench.candidates.gather import gather
from soma.bench.data.collections import Collection, GoldQuestion
from soma.memory.embedders.hashing import HashingEmbedder
from soma.memory.types import NewMemory

MESSAGES = [
    NewMemory(text=f"The garden was dug on day {day}.", key=f"day {day}", occurred_at=f"2029-03-0{day}")
    for day in range(1, 5)
]


async def ask(*questions: GoldQuestion):
    found = await gather([Collection("one", MESSAGES, questions)], HashingEmbedder())
    return [{hit.key: hit for hit in candidates} for candidates in found.found]


async def test_a_question_is_asked_when_what_it_knows_of_is_remembered_and_nothing_later():
    text, gold = "When was the garden dug?", frozenset({"day 1"})
    before, after = await ask(GoldQuestion(text, gold, known=2), GoldQuestion(text, gold))
    assert set(before) == {"day 1", "day 2"}
    assert set(after) == {"day 1", "day 2", "day 3", "day 4"}


async def test_a_question_is_asked_at_its_own_time():
    asked_at = datetime(2029, 3, 3, 12, tzinfo=UTC).isoformat()
    [found] = await ask(GoldQuestion("Was the garden dug yesterday?", frozenset({"day 2"}), asked_at=asked_at))
    assert max(found, key=lambda key: found[key].views["date"]) == "day 2"
