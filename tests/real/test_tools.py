"""The real tools write their real files, and ours reads them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from judge.files.read import read_rows
from judge.importers.registry import read_of
from judge.simulated.server import simulated_server
from tests.real.conftest import command_of, python_with

pytestmark = [pytest.mark.slow, pytest.mark.real]

PROVIDER = """
module.exports = class {
  id() { return 'local:NAME'; }
  async callApi(prompt) {
    if (prompt.includes('fail')) return { error: 'provider broke' };
    return { output: 'answer to ' + prompt };
  }
};
"""
GRADER = """
let n = 0;
module.exports = class {
  id() { return 'grader'; }
  async callApi() {
    n += 1;
    if (n % 3 === 0) return { output: 'I will not say' };
    return { output: JSON.stringify({ pass: true, score: 0.8, reason: 'ok' }) };
  }
};
"""
CONFIG = """
prompts: ['Say it: {{q}}', 'Please say: {{q}}']
providers: [{id: file://a.js}, {id: file://b.js, label: ''}]
defaultTest: {options: {provider: {id: file://grader.js}}}
tests:
  - vars: {q: one}
    assert: [{type: llm-rubric, value: polite, metric: polite}, {type: contains, value: answer}]
  - vars: {q: two}
    assert: [{type: llm-rubric, value: polite, metric: polite}]
  - vars: {q: fail}
    assert: [{type: contains, value: x}]
"""


def test_promptfoo_results_keep_ids_systems_samples_and_failures(
    home: Path, tmp_path: Path
) -> None:
    program = command_of(home, "promptfoo")
    for name in "ab":
        (tmp_path / f"{name}.js").write_text(PROVIDER.replace("NAME", name), encoding="utf-8")
    (tmp_path / "grader.js").write_text(GRADER, encoding="utf-8")
    (tmp_path / "promptfooconfig.yaml").write_text(CONFIG, encoding="utf-8")
    quiet = {
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
        "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
        "PROMPTFOO_CONFIG_DIR": str(tmp_path),
    }
    words = "eval --repeat 2 -o out.json --no-cache -j 1 --no-progress-bar"
    # promptfoo ends with 100 where a test failed, as here the graders do.
    subprocess.run(
        [program, *words.split()],
        cwd=tmp_path,
        env={**os.environ, **quiet},
        check=False,
        timeout=300,
        capture_output=True,
    )

    imported = read_of("promptfoo", tmp_path / "out.json")

    units = {each.unit for each in imported.generations}
    assert units == {
        (f"{test}/{prompt}", f"local:{name}", run)
        for test in (0, 2)
        for prompt in (0, 1)
        for name in "ab"
        for run in (0, 1)
    }
    assert len(imported.left_out) == 8
    polite = [each.score for each in imported.scores if each.criterion == "polite"]
    assert (polite.count(0.8), polite.count(None), polite.count(0.0)) == (11, 5, 0)


INSPECT = """
import sys
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.scorer import match
from inspect_ai.solver import solver

@solver
def broken():
    async def solve(state, generate):
        raise RuntimeError("solver broke")
    return solve

data = [Sample(id=n, input=f"question {n}", target="yes") for n in (1, 2, 3)]
whole = Task(dataset=data, scorer=match(), epochs=2)
fails = Task(dataset=data[:1], scorer=match(), solver=broken())
for task, folder in ((whole, "whole"), (fails, "fails")):
    eval(task, model="openai-api/local/m", log_format="json", log_dir=folder, display="none")
"""


def test_inspect_logs_are_read_and_a_failed_one_is_refused(home: Path, tmp_path: Path) -> None:
    python = python_with(home, "inspect", "inspect_ai", "openai")
    (tmp_path / "evals.py").write_text(INSPECT, encoding="utf-8")

    with simulated_server({}) as server:
        here = {"LOCAL_API_KEY": "x", "LOCAL_BASE_URL": server.base_url}
        subprocess.run(
            [python, "evals.py"],
            cwd=tmp_path,
            env={**os.environ, **here},
            check=True,
            timeout=300,
            capture_output=True,
        )
    (whole,), (fails,) = (list((tmp_path / name).glob("*.json")) for name in ("whole", "fails"))

    imported = read_of("inspect_ai", whole)

    assert {each.unit[::2] for each in imported.generations} == {
        (name, epoch) for name in "123" for epoch in (0, 1)
    }
    assert len(imported.scores) == 6
    with pytest.raises(ValueError, match=r"holds no response: status: .*solver broke"):
        read_of("inspect_ai", fails)


def test_a_sheet_that_libreoffice_saved_as_ods_is_the_same_table(tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    source = tmp_path / "a.csv"
    source.write_text(
        'id,response,score\na,"两行\n第二行",0.5\nb,"c, d  e",1\nf,,2\n', encoding="utf-8"
    )
    options = ["--infilter=CSV:44,34,76,1,,0,false,true", "--outdir", str(tmp_path), str(source)]
    subprocess.run(
        [office, "--headless", "--convert-to", "ods:calc8", *options],
        check=True,
        timeout=300,
        capture_output=True,
    )

    assert [dict(row.values) for row in read_rows(tmp_path / "a.ods")] == [
        {"id": "a", "response": "两行\n第二行", "score": 0.5},
        {"id": "b", "response": "c, d  e", "score": 1.0},
        {"id": "f", "response": "", "score": 2.0},
    ]
