"""The import contracts hold, and would break where they matter most."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(folder / "src")}
    )


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("agent/turn.py", "import soma.memory.memory"),
        ("brain/core/learn.py", "import httpx"),
        ("agent/turns.py", "import soma.brain.store"),
        ("memory/recall.py", "import soma.brain.types"),
        ("events/log.py", "import soma.memory.types"),
    ],
)
def test_an_import_against_the_flow_breaks_a_contract(tmp_path, module, line):
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    file = tmp_path / "src" / "soma" / module
    file.write_text(file.read_text("utf-8") + f"\n{line}\n", "utf-8")
    result = contracts(tmp_path)
    assert result.returncode == 1, result.stdout
    assert "BROKEN" in result.stdout
