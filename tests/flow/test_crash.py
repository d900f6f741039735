"""A turn that is killed at three places goes on each time where its log ends, and ends once."""

import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest
from tests.flow.product import START_SECONDS, launch, start

pytestmark = pytest.mark.long

CRASHING = Path(__file__).with_name("crashing.py")
PLACES = ("chat.model_responded", "chat.tool_decided", "chat.iteration_completed")


def test_a_turn_killed_at_three_places_ends_once(tmp_path):
    first, *others = PLACES
    product = start(tmp_path, script=CRASHING, CRASH_AFTER=first)
    conversation = product.owner.converse()
    with pytest.raises(httpx.TransportError):
        product.owner.ask("what is 23*19 + 7?", conversation)
    _assert_killed(product)
    for place in others:
        _assert_killed(launch(tmp_path, script=CRASHING, CRASH_AFTER=place))
    product = start(tmp_path)
    with product.owner.events(f"/chat/conversations/{conversation}/events", after=0) as frames:
        events = [next(frames)]
        while events[-1]["type"] != "chat.turn_complete":
            events.append(next(frames))
    said = product.owner.get(f"/chat/conversations/{conversation}/messages")["messages"]
    product.stop()
    counts = Counter(event["type"] for event in events if "position" in event)
    assert [event["position"] for event in events if "position" in event] == list(range(1, sum(counts.values()) + 1))
    assert counts["chat.turn_started"] == counts["chat.turn_complete"] == counts["chat.tool_finished"] == 1
    assert counts["chat.model_responded"] == counts["chat.iteration_completed"] == 2
    assert [message["content"] for message in said] == ["what is 23*19 + 7?", "23*19 + 7 = 444."]


def _assert_killed(product):
    product.process.communicate(timeout=START_SECONDS)
    assert product.process.returncode == -signal.SIGKILL
