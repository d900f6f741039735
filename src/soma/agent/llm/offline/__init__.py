"""The model of a fresh machine: deterministic, extractive, honest. It quotes and cites; it writes nothing itself."""

from soma.agent.llm.offline.model import OfflineModel

__all__ = ["OfflineModel"]
