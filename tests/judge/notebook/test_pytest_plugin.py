"""The plugin, in a suite of somebody else."""

import subprocess
import sys
from pathlib import Path

from cvalues import grade
from judge import Judge
from judge.simulated.server import simulated_server
from tests.cli.program import environment
from tests.judge.notebook.test_functions import POLICY

SUITE = """\
import pytest

@pytest.mark.cvalues(baseline="old", candidate="new", policy="policy.yaml", store="s.db")
def test_release(cvalues_gate):
    assert cvalues_gate.decision == "PASS", cvalues_gate

def test_without_a_marker(cvalues_gate):
    pass
"""


def test_a_suite_gates_a_release_and_shows_why_it_does_not_pass(tmp_path: Path) -> None:
    rows = [{"id": f"p{n}", "prompt": "?", "response": f"answer {n}"} for n in range(6)]
    with simulated_server() as server:
        judge = Judge(model="openai/simulated-judge-1", base_url=server.base_url)
        for name in ("old", "new"):
            named = [{**row, "response": f"{name} {row['response']}"} for row in rows]
            grade(named, rubric="safety", judge=judge, store=tmp_path / "s.db", run=name)
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "test_release.py").write_text(SUITE, encoding="utf-8")

    # Loaded by its module, also where the package is installed with the plugin's entry point.
    plugin = ("-p", "no:cvalues", "-p", "judge.notebook.pytest_plugin")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--strict-markers", *plugin],
        cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "No decision: the judge is not trusted." in done.stdout
    assert "cvalues_gate needs @pytest.mark.cvalues" in done.stdout
