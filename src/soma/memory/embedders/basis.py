"""The basis that shortens word vectors to 128 numbers: `python -m soma.memory.embedders.basis` writes it again.

It depends on no data but the model and its vocabulary: the principal directions of 6,000 single words. It is kept as a
file, because a basis computed elsewhere could be turned, and stored vectors would no longer fit.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from soma.memory.embedders.base import Vectors
from soma.memory.embedders.minilm import LATE_DIMENSION, MiniLM, find_installed, normalise

WORDS = 6_000
SEED = 0


def vocabulary() -> list[str]:
    """Return whole alphabetic words that the model knows, a fixed random choice of them."""
    known = Tokenizer.from_file(str(find_installed("tokenizer.json"))).get_vocab()
    words = sorted(word for word in known if word.isalpha() and len(word) > 2)
    return [words[place] for place in np.random.default_rng(SEED).permutation(len(words))[:WORDS]]


def derive_basis(words: Sequence[str]) -> Vectors:
    """Return [384, 128] float16, columns of length 1, each turned so that its largest number is positive."""
    model = MiniLM()
    vectors = normalise(np.array([model.read(word).word_vectors.mean(axis=0) for word in words], np.float32))
    directions = np.linalg.svd(vectors, full_matrices=False)[2][:LATE_DIMENSION]
    largest = np.abs(directions).argmax(axis=1)
    signs = np.sign(directions[np.arange(len(directions)), largest])
    basis: Vectors = (directions * signs[:, None]).T.astype(np.float16)
    return basis


if __name__ == "__main__":
    np.save(Path(__file__).with_name("basis.npy"), derive_basis(vocabulary()))
