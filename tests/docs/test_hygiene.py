"""The repository holds no hosts of package indexes, no paths of a machine, no large files."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
LARGEST_BYTES = 1_000_000
FORBIDDEN = re.compile(
    r"files\.python" r"hosted\.org|pypi\.org/simple|registry\.npm" r"js\.org|/ro" r"ot/|--index-" r"url \S"
)


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_index_host_and_no_path_of_a_machine_is_tracked():
    for path in tracked_files():
        found = FORBIDDEN.findall(path.read_text("utf-8", errors="ignore"))
        assert not found, f"{path.relative_to(ROOT)}: {found}"


def test_no_large_file_is_tracked():
    assert not [path for path in tracked_files() if path.stat().st_size > LARGEST_BYTES]


def test_locked_dependencies_carry_hashes():
    for lock in (ROOT / "requirements").glob("*.lock"):
        text = lock.read_text("utf-8")
        assert len(re.findall(r"^[a-z0-9].*==", text, re.MULTILINE)) <= text.count("--hash=sha256:")
