"""The worker of batches: a process that starts with the first batch, so that it has to start fast."""

import subprocess
import sys

HEAVY = ("pydantic", "cryptography", "fastapi", "httpx", "django", "onnxruntime")


def test_a_worker_loads_neither_settings_nor_keys_nor_a_server():
    code = f"import sys, soma.brain.feedback.worker; print([name for name in {HEAVY} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded == "[]\n"
