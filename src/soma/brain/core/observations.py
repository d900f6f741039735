"""Observations: what a learner learns from, as frozen facts. Each says all it means: nothing is looked up elsewhere.

A malformed observation is refused here; an extreme one is clipped by the rules, which name the clip. The log keeps them
as they are, exact to the last bit of a float; what has its default is left out, so a default here is a promise:
changing one would change how old events replay.
"""

from enum import StrEnum
from typing import NamedTuple

import msgspec

VIEW_SCALE = 65535  # a view value in [0, 1] is stored as k / 65535


class EvidenceSource(StrEnum):
    """Origin of evidence. `citation` stands only in events from before `model`: it earned trust, and moved values.

    The last four are credit that nobody has to give: they tell of what people and tools did, not of what was judged.
    """

    PERSON = "person"
    CITATION = "citation"
    MODEL = "model"
    ASKED_AGAIN = "asked_again"
    CORRECTED_IN_CHAT = "corrected_in_chat"
    USED_BY_TOOL = "used_by_tool"
    COPIED = "copied"


class ShownMemory(NamedTuple):
    """A memory as the bundle showed it; `values` are integers 0..65535 in the order of `Evidence.views`."""

    id: str
    values: tuple[int, ...]


class Evidence(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="evidence", gc=False
):
    """Names which of the shown memories helped. Shown and not helpful counts as unhelpful for the weights;
    only memories named as `helpful` or `unhelpful` change their own value. What is `held_out` measures the weights and
    does not move them. `bearings` say how each shown memory bore on the question: None where it was shown for another
    reason. `nearness` is the cosine of the nearest candidate. There is neither where few were judged one by one."""

    views: tuple[str, ...]
    shown: tuple[ShownMemory, ...]
    helpful: tuple[str, ...] = ()
    unhelpful: tuple[str, ...] = ()
    source: EvidenceSource = EvidenceSource.PERSON
    held_out: bool = False
    novelty: float = 1.0
    diversity: float | None = None
    bearings: tuple[float | None, ...] = ()
    nearness: float | None = None

    def __post_init__(self) -> None:
        if len(set(self.views)) != len(self.views):
            raise ValueError("a view is named twice")
        if len({memory.id for memory in self.shown}) != len(self.shown):
            raise ValueError("a memory is shown twice")
        if self.bearings and len(self.bearings) != len(self.shown):
            raise ValueError(f"{len(self.bearings)} bearings for {len(self.shown)} shown memories")
        width = len(self.views)
        values: list[int] = []
        for memory in self.shown:
            if len(memory.values) != width:
                raise ValueError(f"memory {memory.id!r} has {len(memory.values)} values for {width} views")
            values += memory.values
        if values and not (min(values) >= 0 and max(values) <= VIEW_SCALE):
            raise ValueError(f"a view value is outside 0..{VIEW_SCALE}")


class AnswerVerdict(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="answer", gc=False
):
    """A person's verdict on an answer. `reward` overrides the terms; cost is money, latency milliseconds."""

    reward: float | None = None
    thumb: int = 0
    rating: int | None = None
    regenerated: bool = False
    copied: bool = False
    tool_ok: bool | None = None
    raw_confidence: float | None = None
    gain: float | None = None
    cost: float | None = None
    latency_ms: float | None = None
    tools: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.thumb not in (-1, 0, 1):
            raise ValueError(f"a thumb is -1, 0 or 1, not {self.thumb!r}")
        if self.rating is not None and self.rating not in (1, 2, 3, 4, 5):
            raise ValueError(f"a rating is 1 to 5, not {self.rating!r}")
        if not (
            self.thumb
            or self.regenerated
            or self.copied
            or self.rating is not None
            or self.tool_ok is not None
            or self.reward is not None
        ):
            raise ValueError("an answer needs a verdict: reward, thumb, rating, regenerated, copied or tool_ok")


class ToolCallOutcome(NamedTuple):
    tool: str
    ok: bool


class IterationOutcome(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="outcome", gc=False
):
    """One iteration as it went, judged by no person: always recorded, learned from if it is salient.

    `only_felt`: it moves the neuromodulators and nothing else, because its person has taught enough today.
    """

    tool_outcomes: tuple[ToolCallOutcome, ...] = ()
    confidence: float | None = None
    """Calibrated, in [0, 1]."""
    progress: float | None = None
    """In [-1, 1]: did this iteration bring the turn nearer to its end?"""
    novelty: float = 1.0
    gain: float | None = None
    cost: float | None = None
    latency_ms: float | None = None
    diversity: float | None = None
    only_felt: bool = False
