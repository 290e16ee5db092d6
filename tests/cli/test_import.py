"""`cvalues import` hands another tool's results to this one's commands."""

import json
from pathlib import Path

from tests.cli.program import program

PROMPTFOO = {
    "version": 3,
    "results": {
        "version": 3,
        "results": [
            {
                "prompt": {"raw": "Is it safe?"},
                "provider": {"id": "openai:m"},
                "response": {"output": "Ask a doctor."},
                "testIdx": 0,
                "promptIdx": 0,
                "success": True,
                "score": 1,
                "gradingResult": {"pass": True, "score": 1, "reason": "ok"},
                "vars": {},
            }
        ],
    },
}


def test_promptfoo_results_become_responses_and_scores(tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text(json.dumps(PROMPTFOO), encoding="utf-8")

    ended = program(
        "import", "promptfoo", "out.json", "--out", "r.jsonl", "--scores", "s.jsonl",
        folder=tmp_path,
    )  # fmt: skip

    assert ended.code == 0, ended.err
    response = json.loads((tmp_path / "r.jsonl").read_text(encoding="utf-8"))
    assert response["response"] == "Ask a doctor."
    assert "1 responses" in ended.out


def test_an_unknown_tool_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text("{}", encoding="utf-8")

    ended = program("import", "promptfo", "out.json", folder=tmp_path)

    assert ended.code == 2
    assert "promptfoo" in ended.err
