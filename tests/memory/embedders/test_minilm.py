"""The model that comes with Soma, as the first start builds it."""

import numpy as np
from tests.memory.conftest import MODEL

from soma.memory.embedders.minilm import MiniLM, build

TEXT = "The harbour opens at seven."


def test_it_is_built_without_a_word_and_the_same_every_time(tmp_path, caplog, capfd):
    build(tmp_path)
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
    assert np.array_equal(MiniLM(tmp_path).read(TEXT).vector, MODEL.read(TEXT).vector)
