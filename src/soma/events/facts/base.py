"""The fact: payload of an event, frozen, typed and versioned.

What is optional may be absent in older events; nothing is ever renamed or removed within a version.
"""

from typing import ClassVar

import msgspec

Weights = dict[str, float]
Neuromodulators = dict[str, float]


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """The payload of one kind of event."""

    event_type: ClassVar[str]
    version: ClassVar[int] = 1
