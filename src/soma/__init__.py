"""Soma: an agent server that learns from every interaction and can prove what it learned."""

import os

# BLAS and OpenMP read these once, when numpy is first loaded: at our sizes a second thread costs more than it does
# (a matrix-vector product of 10,000 x 384 takes 8 ms with two threads and 0.2 ms with one).
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

# Libraries that would reach out by themselves read these when they are loaded. Every process of ours imports this
# package before any of them, so this is the one place; an opposite value from outside does not stand (docs/privacy.md).
QUIET = {
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime: usage events, and a device id below ~/.cache at the import alone
    "LITELLM_OFFLINE_MODE": "true",  # LiteLLM: price list, headers, tokenizers; it has bundled copies
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # the same of versions that know no offline mode
    "LITELLM_MODE": "PRODUCTION",  # LiteLLM: else it reads a file `.env` of the current folder into our environment
    "HF_HUB_OFFLINE": "1",  # Hugging Face Hub, below `tokenizers` and LiteLLM: all files we use are installed
}
os.environ.update(QUIET)
