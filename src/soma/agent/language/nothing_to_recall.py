"""Messages that no memory can answer: small talk, or nothing but a sum or the time. Pure."""

from soma.agent.language.arithmetic import is_only_a_sum
from soma.agent.language.clock_questions import asks_only_for_now
from soma.agent.language.small_talk import small_talk


def nothing_to_recall(message: str) -> bool:
    return small_talk(message) is not None or is_only_a_sum(message) or asks_only_for_now(message)
