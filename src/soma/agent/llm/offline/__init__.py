"""The model of a fresh machine: deterministic and extractive. It quotes and cites, and writes nothing itself."""

from soma.agent.llm.offline.model import OfflineModel

__all__ = ["OfflineModel"]
