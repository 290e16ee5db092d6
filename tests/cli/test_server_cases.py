"""Habits of common servers, rebuilt from public reports, each judged whole with the right outcome.

Every case starts its own server and is judged by the program as a user would call it.
"""

import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.program import Ended, program
from tests.shared_material import DATA, shared_file

SCORED = {"ok": 1.0}

CASES: dict[str, tuple[dict[str, float], float]] = {
    # Share of the judgments with each outcome, and the most calls for each judgment.
    "01-think-close-only": (SCORED, 1.0),
    "03-json-in-reasoning-null-content": (SCORED, 2.0),
    "05-error-code-in-200-body": ({"error.auth": 1.0}, 1.0),
    "06-tool-arguments-object": (SCORED, 2.0),
    "07-content-parts-list": (SCORED, 1.0),
    "09-ark-sensitive-400": ({"unscored.content_filtered": 1.0}, 1.0),
    "11-model-length-finish": (SCORED, 2.0),
    "12-max-tokens-param-refused": (SCORED, 3.0),
    "13-json-schema-500": (SCORED, 3.0),
    "15-echoed-prompt-decides-class": ({"ok": 0.8, "error.bad_request": 0.2}, 1.0),
    "16-ollama-silent-prompt-cut": (SCORED, 1.0),
    "19-base-url-with-path": (SCORED, 1.1),
    "20-eos-token-after-json": (SCORED, 1.0),
    "21-served-model-swap": (SCORED, 1.0),
    "23-sse-although-not-asked": (SCORED, 1.0),
    "24-deepseek-keepalive-blank-lines": (SCORED, 1.0),
    "25-lmstudio-tool-choice-object": (SCORED, 4.0),
    "27-dup-braces-two-verdict-tools": ({"unscored.parse_ambiguous": 1.0}, 2.0),
}

SAID = {
    "05-error-code-in-200-body": "lack of credit",
    "16-ollama-silent-prompt-cut": "(prompt_cut)",
    "21-served-model-swap": "tiny-fallback 4",
}
"""What the person is told beside that, on either stream or in the calls' details."""


@contextmanager
def served(case: Path) -> Generator[int]:
    """Run a case's server; give its port."""
    paths = {**os.environ, "PYTHONPATH": str(case.parent / "_common")}
    command = [sys.executable, str(case / "server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=paths) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline())
        finally:
            server.kill()


def judged(case: Path, port: int, folder: Path) -> Ended:
    address = f"http://127.0.0.1:{port}/v1"
    words = ["--judge", "hosted_vllm/m", "--base-url", address, "--run", "r", "-q"]
    return program("judge", case / "responses.jsonl", "--rubric", "safety", *words, folder=folder)


def exported(what: str, folder: Path) -> list[dict[str, object]]:
    path = folder / f"{what}.jsonl"
    words = ["--what", what, "--format", "jsonl", "--out", str(path)]
    assert program("export", "r", *words, folder=folder).code == 0
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("name", CASES)
def test_a_servers_habit_has_its_right_outcome(name: str, tmp_path: Path) -> None:
    case = shared_file("cases", name)
    wanted, calls_each = CASES[name]
    with served(case) as port:
        done = judged(case, port, tmp_path)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/count", timeout=10) as reply:
            calls = int(reply.read())

    verdicts = [row for row in exported("verdicts", tmp_path) if row["criterion"] == "safe"]
    outcomes = Counter(str(row["outcome"]) for row in verdicts)
    shares = {outcome: count / len(verdicts) for outcome, count in outcomes.items()}
    assert shares == pytest.approx(wanted)
    assert calls <= calls_each * len(verdicts) + 1
    if name in SAID:
        details = " ".join(str(row["detail"]) for row in exported("attempts", tmp_path))
        assert SAID[name] in f"{done.out}{done.err}{details}"


@pytest.mark.slow
def test_a_server_that_loads_its_model_is_waited_for(tmp_path: Path) -> None:
    case = shared_file("cases", "18-loading-model-503")
    with served(case) as port:
        done = judged(case, port, tmp_path)

    assert done.code == 0, done.err
    assert "40 planned = 40 scored" in done.out


def test_every_case_with_a_server_is_a_test() -> None:
    found = {path.parent.name for path in DATA.glob("cases/*/server.py")}

    assert found == {*CASES, "18-loading-model-503"}
