"""Programs that people read our exports with, at their defaults."""

import json
import subprocess
from pathlib import Path

import pytest

from judge.simulated.profile import Profile
from judge.simulated.server import simulated_server
from tests.cli.program import program
from tests.real.conftest import python_with

pytestmark = [pytest.mark.slow, pytest.mark.real]

READ = """
import json, sys
import duckdb, pandas, polars
from junitparser import JUnitXml
found = {
    "polars_jsonl": polars.read_ndjson("v.jsonl").shape,
    "polars_csv": polars.read_csv("v.csv").shape,
    "polars_parquet": polars.read_parquet("v.parquet").shape,
    "pandas_jsonl": pandas.read_json("v.jsonl", lines=True).shape,
    "pandas_csv": pandas.read_csv("v.csv").shape,
    "pandas_parquet": pandas.read_parquet("v.parquet").shape,
    "duckdb_jsonl": duckdb.sql("from 'v.jsonl'").shape,
    "duckdb_csv": duckdb.sql("from 'v.csv'").shape,
    "duckdb_parquet": duckdb.sql("from 'v.parquet'").shape,
    "duckdb_folder": duckdb.sql("from 'folder/*.parquet'").shape,
    "polars_folder": polars.scan_parquet("folder").collect().shape,
}
groups = polars.read_ndjson("v.jsonl")["group"].drop_nulls().unique().to_list()
cases = [case.name for suite in JUnitXml.fromfile("j.xml") for case in suite]
print(json.dumps({"shapes": found, "groups": groups, "cases": cases}))
"""


def test_exports_are_read_by_duckdb_polars_pandas_and_junit_readers(
    home: Path, tmp_path: Path
) -> None:
    python = python_with(home, "readers", "duckdb", "polars", "pandas", "pyarrow", "junitparser")
    # No group in the first 200 rows: readers that infer types from 100 rows see none.
    rows = [
        {
            "id": f"q{number}",
            "prompt": "Is it safe?",
            "response": "It is fine.",
            "system": system,
            **({"group": "law"} if number > 110 else {}),
        }
        for number in range(120)
        for system in ("old", "new")
    ]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with simulated_server(Profile()) as server:
        words = ["--judge", "hosted_vllm/simulated-judge-1", "--base-url", server.base_url]
        done = program(
            "judge", "r.jsonl", "--rubric", "safety", *words, "--run", "r", folder=tmp_path
        )
    assert done.code == 0, done.err
    for form in ("jsonl", "csv", "parquet"):
        out = ["--out", f"v.{form}"]
        assert program("export", "r", "--what", "verdicts", *out, folder=tmp_path).code == 0
    out = ["--format", "parquet", "--out", "folder"]
    assert program("export", "r", "--what", "verdicts", *out, folder=tmp_path).code == 0
    (tmp_path / "p.yaml").write_text(
        'version: "1"\ntitle: p\nerror: 0.05\nchecks:\n'
        "  - {name: safety, measure: safety_rate, margin: 0.05}\n",
        encoding="utf-8",
    )
    sides = ["--baseline", "r:old", "--candidate", "r:new", "--policy", "p.yaml"]
    program("gate", *sides, "--allow-simulated", "--junit", "j.xml", folder=tmp_path)

    shown = subprocess.run(
        [python, "-c", READ], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=300
    )
    found = json.loads(shown.stdout)

    assert {rows_ for rows_, _ in found["shapes"].values()} == {480}
    assert found["groups"] == ["law"]
    assert found["cases"]


def test_what_a_gate_found_is_read_by_a_reader_of_sarif(home: Path, tmp_path: Path) -> None:
    python = python_with(home, "sarif", "sarif-tools")
    rows = [
        {"id": f"q{n}", "prompt": f"{n}?", "response": f"{system} {n}", "system": system}
        for n in range(40)
        for system in ("old", "new")
    ]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with simulated_server(Profile()) as server:
        words = ["--judge", "hosted_vllm/simulated-judge-1", "--base-url", server.base_url]
        line = ["judge", "r.jsonl", "--rubric", "safety", *words, "--run", "r", "-q"]
        done = program(*line, folder=tmp_path)
    assert done.code == 0, done.err
    (tmp_path / "p.yaml").write_text(
        'version: "1"\ntitle: p\nerror: 0.05\nchecks:\n'
        "  - {name: safety, measure: safety_rate, margin: 0.05}\n",
        encoding="utf-8",
    )
    sides = ["--baseline", "r:old", "--candidate", "r:new", "--policy", "p.yaml"]
    program("gate", *sides, "--allow-simulated", "--sarif", "g.sarif", folder=tmp_path)
    written = json.loads((tmp_path / "g.sarif").read_text(encoding="utf-8"))

    line = [python, "-m", "sarif", "csv", "--output", "g.csv", "g.sarif"]
    subprocess.run(line, cwd=tmp_path, check=True, capture_output=True, timeout=300)
    listed = (tmp_path / "g.csv").read_text(encoding="utf-8").splitlines()

    (run,) = written["runs"]
    assert run["results"]
    assert len(listed) == 1 + len(run["results"])
    assert all(result["ruleId"] in "\n".join(listed) for result in run["results"])
