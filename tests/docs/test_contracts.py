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


AGAINST_THE_FLOW = {
    "agent.turn.loop": "soma.memory.memory",
    "brain.core.learn": "httpx",
    "brain.core.state": "soma.validation.nul",
    "agent.prompt.lanes": "httpx",
    "agent.record.citations": "django",
    "agent.turn.feed": "soma.agent.root",
    "agent.api.traces": "soma.agent.turn.steps.ask",
    "agent.api.model": "soma.agent.tools.taint",
    "agent.turn.factory": "soma.agent.llm.offline.model",
    "agent.language.words": "soma.process.locks",
    "agent.turn.runner": "soma.brain.feedback.rows",
    "agent.prompt.build": "soma.agent.storage.turn_store",
    "agent.memory.parts": "soma.agent.turn.steps.ask",
    "cli.server": "soma.agent.access.auth",
    "memory.recall": "soma.brain.types",
    "events.log": "soma.memory.types",
    "events.chain": "soma.events.writer",
    "events.facts.turn": "soma.events.facts.codec",
    "memory.rows.links": "soma.memory.store",
    "brain.context.preview": "soma.memory.recall",
    "process.locks": "soma.process.ports",
    "validation.nul": "soma.validation.json_errors",
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> subprocess.CompletedProcess[str]:
    """The contracts over a copy in which modules import what they must not, all at once."""
    folder = tmp_path_factory.mktemp("contracts")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for module, imported in AGAINST_THE_FLOW.items():
        file = folder / "src" / "soma" / Path(*module.split(".")).with_suffix(".py")
        file.write_text(f"{file.read_text('utf-8')}\nimport {imported}\n", "utf-8")
    return contracts(folder)


@pytest.mark.parametrize(("module", "imported"), AGAINST_THE_FLOW.items())
def test_an_import_against_the_flow_breaks_a_contract(broken, module, imported):
    assert broken.returncode == 1, broken.stdout
    _, _, faults = broken.stdout.partition("Broken contracts")
    assert f"soma.{module} -> {imported} (" in faults, broken.stdout
