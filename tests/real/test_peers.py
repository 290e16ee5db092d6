"""Peers write their real files and take ours: deepeval, lm-eval, MLflow, a gateway."""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from judge.importers.registry import read_of
from judge.simulated.profile import Profile
from judge.simulated.server import simulated_server
from tests.cli.program import program
from tests.real.conftest import python_with

pytestmark = [pytest.mark.slow, pytest.mark.real]


def run_script(
    python: Path, script: str, folder: Path, environ: Mapping[str, str] | None = None
) -> str:
    """Run a script in an environment of its own; give what it printed."""
    path = folder / "script.py"
    path.write_text(script, encoding="utf-8")
    done = subprocess.run(
        [python, path.name],
        cwd=folder,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


DEEPEVAL = """
from deepeval import evaluate
from deepeval.evaluate import AsyncConfig, DisplayConfig, ErrorConfig
from deepeval.metrics import BaseMetric
from deepeval.test_case import LLMTestCase

class Polite(BaseMetric):
    threshold = 0.5
    async_mode = False
    def measure(self, test_case, *args, **kwargs):
        if "fail" in test_case.input:
            raise ValueError("the grader broke")
        self.score, self.success, self.reason = 0.8, True, "fine"
        return self.score
    async def a_measure(self, test_case, *args, **kwargs):
        return self.measure(test_case)
    def is_successful(self):
        return bool(self.success)
    @property
    def __name__(self):
        return "Polite"

cases = [LLMTestCase(name=n, input=i, actual_output="an answer")
         for n, i in (("one", "say it"), ("two", "fail here"), ("three", "say again"))]
evaluate(cases, [Polite()], async_config=AsyncConfig(run_async=False),
         display_config=DisplayConfig(show_indicator=False, print_results=False),
         error_config=ErrorConfig(ignore_errors=True))
"""


def test_a_failed_metric_of_deepeval_is_a_missing_verdict(home: Path, tmp_path: Path) -> None:
    python = python_with(home, "deepeval", "deepeval")
    results = tmp_path / "results"
    quiet = {"DEEPEVAL_RESULTS_FOLDER": str(results), "DEEPEVAL_TELEMETRY_OPT_OUT": "YES"}
    run_script(python, DEEPEVAL, tmp_path, quiet)
    files = [each for each in results.rglob("*") if each.is_file()]
    (path,) = (each for each in files if '"testCases"' in each.read_text(encoding="utf-8"))

    imported = read_of("deepeval", path if path.suffix else path.rename(path.with_suffix(".json")))

    scores = {score.id: score.score for score in imported.scores}
    assert scores == {"one": 0.8, "two": None, "three": 0.8}
    assert {each.response for each in imported.generations} == {"an answer"}


TASK = """
task: tiny
dataset_path: json
dataset_kwargs: {data_files: {test: DATA}}
output_type: generate_until
test_split: test
doc_to_text: "{{question}}"
doc_to_target: "{{answer}}"
generation_kwargs: {until: [], max_gen_toks: 64}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
repeats: 1
metadata: {version: 1}
"""
LM_EVAL = """
import sys
from lm_eval.__main__ import cli_evaluate
sys.argv = ["lm_eval", "--model", "local-chat-completions", "--tasks", "tiny", "--include_path",
            "tasks", "--model_args",
            "model=simulated-candidate-1,base_url=BASE/chat/completions,num_concurrent=2",
            "--apply_chat_template", "--log_samples", "--output_path", "out"]
cli_evaluate()
"""


def test_samples_of_lm_eval_with_a_chat_model_are_read(home: Path, tmp_path: Path) -> None:
    python = python_with(home, "lmeval", "lm_eval[api]")
    (tmp_path / "tasks").mkdir()
    data = tmp_path / "d.jsonl"
    rows = [{"question": f"What is {n}?", "answer": str(n)} for n in range(4)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    task = TASK.replace("DATA", str(data))
    (tmp_path / "tasks" / "tiny.yaml").write_text(task, encoding="utf-8")
    offline = {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    with simulated_server(Profile()) as server:
        key = {**offline, "OPENAI_API_KEY": "x"}
        run_script(python, LM_EVAL.replace("BASE", server.base_url), tmp_path, key)
    (path,) = (tmp_path / "out").rglob("samples_tiny_*.jsonl")

    imported = read_of("lm_eval", path)

    assert [each.id for each in imported.generations] == ["0", "1", "2", "3"]
    assert [each.prompt for each in imported.generations] == [row["question"] for row in rows]
    assert {each.group for each in imported.generations} == {"tiny"}
    assert {score.criterion for score in imported.scores} == {"exact_match,none"}


MLFLOW = """
import json, mlflow
from mlflow.entities import AssessmentError, AssessmentSource
mlflow.set_tracking_uri("sqlite:///m.db")
with mlflow.start_span(name="s") as span:
    trace = span.trace_id
for line in open("f.jsonl", encoding="utf-8"):
    row = json.loads(line)
    error = row["error"] and AssessmentError(error_code=row["error"])
    mlflow.log_feedback(
        trace_id=trace, name=row["name"], value=row["value"], rationale=row["rationale"],
        source=AssessmentSource(**row["source"]), error=error or None,
        metadata={k: str(v) for k, v in row["metadata"].items()})
found = mlflow.get_trace(trace).info.assessments
print(json.dumps([[a.name, a.value] for a in found]))
"""


def judged(base_url: str, folder: Path, *, model: str = "simulated-judge-1") -> None:
    rows = [{"id": f"q{n}", "prompt": "Safe?", "response": f"{n} is fine."} for n in range(4)]
    (folder / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    words = ["--judge", f"hosted_vllm/{model}", "--base-url", base_url, "--run", "r"]
    line = ["judge", "r.jsonl", "--rubric", "safety", "--no-canaries", *words]
    done = program(*line, folder=folder, environ={"HOSTED_VLLM_API_KEY": "sk-f3a9c1d7e5b2"})
    assert done.code == 0, done.err


def test_mlflow_takes_verdicts_as_feedback(home: Path, tmp_path: Path) -> None:
    python = python_with(home, "mlflow", "mlflow-skinny", "sqlalchemy", "alembic")
    with simulated_server(Profile()) as server:
        judged(server.base_url, tmp_path)
    out = ["--what", "mlflow", "--out", "f.jsonl"]
    assert program("export", "r", *out, folder=tmp_path).code == 0

    direct = {"MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false"}
    kept = json.loads(run_script(python, MLFLOW, tmp_path, direct).splitlines()[-1])

    assert sorted(name for name, _ in kept) == ["safe"] * 4 + ["severity"] * 4
    assert all(value is not None for _, value in kept)


PROXY = """
model_list:
  - model_name: alias
    litellm_params: {model: hosted_vllm/simulated-judge-1, api_base: BASE, api_key: k}
general_settings: {master_key: sk-f3a9c1d7e5b2}
"""


@contextmanager
def gateway(home: Path, base_url: str, folder: Path) -> Generator[str]:
    """Run litellm's proxy in front of a server."""
    python = python_with(home, "proxy", "litellm[proxy]")
    (folder / "c.yaml").write_text(PROXY.replace("BASE", base_url), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [python.parent / "litellm", "--config", "c.yaml", "--port", str(port)]
    local = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with subprocess.Popen([*line, "--host", "127.0.0.1"], cwd=folder, env=local) as proxy:
        try:
            until = time.monotonic() + 300
            while time.monotonic() < until:
                try:
                    health = f"http://127.0.0.1:{port}/health/liveliness"
                    urllib.request.urlopen(health, timeout=5)
                    break
                except OSError:
                    assert proxy.poll() is None
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            proxy.terminate()


def test_a_gateways_headers_name_the_model_and_pass_the_simulation_on(
    home: Path, tmp_path: Path
) -> None:
    with (
        simulated_server(Profile()) as server,
        gateway(home, server.base_url, tmp_path) as address,
    ):
        judged(address, tmp_path, model="alias")
    out = ["--what", "verdicts", "--out", "v.jsonl"]
    assert program("export", "r", *out, folder=tmp_path).code == 0
    with (tmp_path / "v.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]

    assert {row["provenance"] for row in rows} == {"SIMULATED"}
    assert all("alias" not in row["served_model"] for row in rows)
