"""The steps of the action, run as GitHub would run them; the hooks of pre-commit."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.cli.program import ROOT, environment, program
from tests.judge.notebook.test_functions import POLICY


def read_yaml(name: str) -> Any:
    yaml: Any = YAML(typ="safe")
    return yaml.load((ROOT / name).read_text("utf-8"))


def test_every_input_and_output_says_what_it_is() -> None:
    read = read_yaml("action.yml")

    for part in ("inputs", "outputs"):
        assert all(each["description"] for each in read[part].values())


def test_no_text_of_an_input_stands_in_a_command() -> None:
    steps = read_yaml("action.yml")["runs"]["steps"]

    assert [step["name"] for step in steps if "${{" in step.get("run", "")] == []


def test_the_gate_step_sets_its_outputs_and_keeps_the_exit_code(tmp_path: Path) -> None:
    from cvalues import grade
    from judge import Judge
    from judge.simulated.server import simulated_server

    with simulated_server() as server:
        judge = Judge(model="openai/simulated-judge-1", base_url=server.base_url)
        for name in ("old", "new"):
            rows = [{"id": f"p{n}", "prompt": "?", "response": f"{name} {n}"} for n in range(4)]
            grade(rows, rubric="safety", judge=judge, store=tmp_path / "store.db", run=name)
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "none.json").write_text("{}", encoding="utf-8")
    shim = tmp_path / "cvalues"
    shim.write_text('#!/bin/sh\nexec python -c "from cvalues.cli import main; main()" "$@"\n')
    shim.chmod(0o755)
    there = {
        "BASELINE": "old", "CANDIDATE": "new", "POLICY": "policy.yaml", "PASSPORT": "",
        "STORE": "store.db", "SIMULATED": "false",
        "GITHUB_STEP_SUMMARY": "summary.md", "GITHUB_OUTPUT": "output.txt",
        "PATH": f"{tmp_path}:{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
    }  # fmt: skip

    done = subprocess.run(
        [ROOT / "scripts" / "gate_action.sh"],
        cwd=tmp_path, env=environment(tmp_path, there), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 4, done.stderr
    said = (tmp_path / "output.txt").read_text("utf-8")
    assert said == "decision=UNTRUSTED\nexit-code=4\nlabels-needed=0\n"
    assert (
        (tmp_path / "summary.md")
        .read_text("utf-8")
        .startswith("## DEMO ONLY (simulated). No decision")
    )
    assert all((tmp_path / f"cvalues-gate.{kind}").exists() for kind in ("xml", "sarif", "html"))


@pytest.mark.parametrize(("text", "code"), [(POLICY, 0), ("version: '1'\n", 2)])
def test_the_hook_lints_policies(tmp_path: Path, text: str, code: int) -> None:
    (tmp_path / "policy.yaml").write_text(text, encoding="utf-8")
    hooks = read_yaml(".pre-commit-hooks.yaml")
    entry = next(hook["entry"] for hook in hooks if hook["id"] == "cvalues-policies")

    ended = program(*entry.split()[1:], "policy.yaml", folder=tmp_path)

    assert ended.code == code, ended.err
