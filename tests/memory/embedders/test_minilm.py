"""The model that comes with Soma, as the first start builds it."""

import sys

import numpy as np
import pytest
from tests.memory.conftest import MODEL
from tests.tracing import Trace

from soma.memory.embedders.minilm import MiniLM

TEXT = "The harbour opens at seven."
BUILD = "import sys; from pathlib import Path; from soma.memory.embedders.minilm import build; build(Path(sys.argv[1]))"


@pytest.mark.long
def test_it_is_built_without_a_word_or_a_call_and_the_same_every_time(tmp_path):
    trace = Trace(tmp_path)
    built = trace.run([sys.executable, "-c", BUILD, tmp_path / "model"])
    assert (built.returncode, built.stdout, built.stderr) == (0, "", "")
    assert trace.left() == []
    assert np.array_equal(MiniLM(tmp_path / "model").read(TEXT).vector, MODEL.read(TEXT).vector)
