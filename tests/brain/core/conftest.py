import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.places import DATA

from soma.brain.core.hyperparameters import Hyperparameters
from soma.brain.core.observations import VIEW_SCALE, Evidence, ShownMemory
from soma.brain.core.weights import Views

SHIPPED = {"semantic": 1.0, "graph": 0.2, "temporal": 0.1, "old": 0.0, "neighbour": 0.0}

BuildEvidence = Callable[..., Evidence]


@pytest.fixture
def hyperparameters() -> Hyperparameters:
    return Hyperparameters(views=Views.of(SHIPPED))


@pytest.fixture
def evidence() -> BuildEvidence:
    """Evidence from {memory id: {view: value in [0, 1]}}; the views are sorted unless named."""

    def build(
        shown: Mapping[str, Mapping[str, float]],
        *helpful: str,
        views: tuple[str, ...] | None = None,
        **more: Any,
    ) -> Evidence:
        names = views if views is not None else tuple(sorted({name for row in shown.values() for name in row}))
        rows = tuple(
            ShownMemory(key, tuple(round(row.get(name, 0.0) * VIEW_SCALE) for name in names))
            for key, row in shown.items()
        )
        return Evidence(views=names, shown=rows, helpful=helpful, **more)

    return build


@pytest.fixture
def vectors() -> dict[str, Any]:
    """The worked numbers that lie beside the test data."""
    path = DATA.parent / "vectors.json"
    if not path.exists():
        pytest.skip(f"no worked numbers at {path}: set SOMA_TEST_DATA")
    found: dict[str, Any] = json.loads(path.read_text())
    return found
