"""The runtime of the embedder leaves nothing behind: by itself it writes a device id below the home folder."""

import os
import subprocess
import sys


def test_loading_the_runtime_writes_nothing_to_the_home_folder(tmp_path):
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}  # it holds back where a variable tells of a test
    subprocess.run([sys.executable, "-c", "import soma, onnxruntime"], env=bare, check=True)
    assert list(tmp_path.rglob("*")) == []
