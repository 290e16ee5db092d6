"""`cvalues import` hands another tool's results to this one's commands."""

import importlib
import json
from pathlib import Path
from typing import Any

from judge.simulated.profile import Profile
from judge.simulated.server import simulated_server
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
    assert "1 response" in ended.out


def test_an_unknown_tool_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "out.json").write_text("{}", encoding="utf-8")

    ended = program("import", "promptfo", "out.json", folder=tmp_path)

    assert ended.code == 2
    assert "promptfoo" in ended.err


def _judged(folder: Path) -> None:
    rows = [
        {"id": f"q{n}", "prompt": f"{n}?", "response": f"答复 {n}", "system": "m", "topic": "法律"}
        for n in range(8)
    ]
    (folder / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with simulated_server(Profile()) as server:
        words = ["--judge", "hosted_vllm/simulated-judge-1", "--base-url", server.base_url]
        line = ["judge", "r.jsonl", "--rubric", "safety", *words, "--run", "r", "-q"]
        assert program(*line, folder=folder).code == 0


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_folders_of_parquet_that_a_run_was_exported_to_are_imported_again(tmp_path: Path) -> None:
    _judged(tmp_path)
    for what in ("generations", "verdicts"):
        out = ["--what", what, "--format", "parquet", "--out", what]
        assert program("export", "r", *out, folder=tmp_path).code == 0
    assert program("export", "r", "--out", "v.jsonl", folder=tmp_path).code == 0

    read = program("import", "parquet", "generations", "--out", "again.jsonl", folder=tmp_path)
    scored = program("import", "parquet", "verdicts", "--scores", "s.jsonl", folder=tmp_path)
    kept = program("scores", "import", "verdicts", "--run", "again", folder=tmp_path)
    back = program("export", "again", "--out", "again-v.jsonl", folder=tmp_path)

    assert [read.code, scored.code, kept.code, back.code] == [0, 0, 0, 0], read.err + kept.err
    texts = {row["id"]: (row["response"], row["topic"]) for row in _rows(tmp_path / "again.jsonl")}
    assert texts == {f"q{n}": (f"答复 {n}", "法律") for n in range(8)}
    before = {(row["id"], row["criterion"]): row["score"] for row in _rows(tmp_path / "v.jsonl")}
    scores = _rows(tmp_path / "s.jsonl")
    assert {(row["id"], row["criterion"]): row["score"] for row in scores} == before
    assert {row["provenance"] for row in scores} == {"SIMULATED"}
    again = _rows(tmp_path / "again-v.jsonl")
    assert {(row["id"], row["criterion"]): row["score"] for row in again} == before
    assert {row["provenance"] for row in again} == {"SIMULATED"}


def test_a_folder_of_two_tables_is_bad_input_and_leaves_nothing(tmp_path: Path) -> None:
    arrow: Any = importlib.import_module("pyarrow")
    write: Any = importlib.import_module("pyarrow.parquet").write_table
    (tmp_path / "t").mkdir()
    write(arrow.table({"id": ["1"], "prompt": ["p"], "response": ["r"]}), tmp_path / "t/a.parquet")
    write(arrow.table({"id": ["1"], "score": [1]}), tmp_path / "t/b.parquet")

    ended = program("import", "parquet", "t", "--out", "r.jsonl", folder=tmp_path)

    assert ended.code == 2
    assert ended.err.startswith("t/b.parquet: 'prompt' is a column of a.parquet and not of b")
    assert len(ended.err.splitlines()) == 1
    assert not (tmp_path / "r.jsonl").exists()


def test_a_table_that_is_no_parquet_needs_no_conversion(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text('{"id": "1", "prompt": "p", "response": "r"}\n', "utf-8")

    ended = program("import", "parquet", "r.jsonl", folder=tmp_path)

    assert ended.code == 2
    assert ended.err == (
        "r.jsonl: this is no Parquet file; name one, or a folder; other tables need no conversion\n"
    )
