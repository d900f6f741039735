"""The kinds of facts by their names on the log. A new kind is added here."""

from soma.events.facts import experiments, learning, memory, turn
from soma.events.facts.base import Fact

KINDS: tuple[type[Fact], ...] = (
    turn.TurnStarted,
    turn.BundleBuilt,
    turn.ModelResponded,
    turn.ToolRequested,
    turn.ToolDecided,
    turn.ToolFinished,
    turn.IterationJudged,
    turn.DraftReplaced,
    turn.IterationCompleted,
    turn.TurnComplete,
    memory.MemoryRemembered,
    memory.MemoryForgotten,
    memory.MemoryLinked,
    memory.MemoryReembedded,
    memory.MemoryReconciled,
    memory.MemoryConsolidated,
    memory.MemoryConsolidationUndone,
    learning.FeedbackReceived,
    learning.FeedbackBatchReceived,
    learning.LearnerConfigured,
    learning.WeightsUpdated,
    learning.WeightsBatchUpdated,
    learning.LearningCheckpointed,
    learning.LearningErased,
    learning.WeightsGuarded,
    learning.WeightsRolledBack,
    learning.RewardVoided,
    experiments.ExperimentCreated,
    experiments.ExperimentDecided,
    experiments.ExperimentPromoted,
)
FACTS: dict[tuple[str, int], type[Fact]] = {(fact.event_type, fact.version): fact for fact in KINDS}
