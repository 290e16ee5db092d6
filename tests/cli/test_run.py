"""`cvalues run` types the commands for its user."""

import json
from pathlib import Path

from judge.simulated.profile import PlannedFault, Profile
from judge.simulated.server import simulated_server
from tests.cli.program import program

PIPELINE = """\
version: "1"
name: try
out: made
generate:
  prompts: prompts.jsonl
  model: openai/release-1
  base_url: {url}
judge:
  model: openai/simulated-judge-1
  base_url: {url}
  rubrics: [safety]
mc:
  items: pairs.jsonl
"""


def lay_out(folder: Path, url: str, pipeline: str = PIPELINE) -> None:
    rows = [{"id": f"p{n}", "prompt": f"第 {n} 个问题？", "lang": "zh"} for n in range(4)]
    pairs = [
        {"prompt": f"问题{n}", "better": f"好的回答{n}", "worse": f"坏回答{n}"} for n in range(3)
    ]
    for name, listed in (("prompts.jsonl", rows), ("pairs.jsonl", pairs)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in listed)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "run.yaml").write_text(pipeline.format(url=url), encoding="utf-8")


def test_a_pipeline_generates_judges_asks_and_reports_and_resumes(tmp_path: Path) -> None:
    key = {"OPENAI_API_KEY": "none"}
    with simulated_server() as server:
        lay_out(tmp_path, server.base_url)
        first = program("run", "run.yaml", folder=tmp_path, environ=key)
        calls = server.hits.total
        again = program("run", "run.yaml", folder=tmp_path, environ=key)
        assert server.hits.total == calls

    made = {file.name for file in (tmp_path / "made").iterdir()}
    assert first.code == again.code == 0, first.err
    assert calls == 4 + 4 + 6
    assert made == {"responses.jsonl", "mc.json", "report.html", "manifest.json"}
    manifest = json.loads((tmp_path / "made" / "manifest.json").read_text(encoding="utf-8"))
    assert [step["exit_code"] for step in manifest["steps"]] == [0, 0, 0, 0]
    assert "$ cvalues generate prompts.jsonl" in first.err
    assert "$ cvalues gap try-judge --mc openai/release-1=made/mc.json" in first.err


def test_a_pipeline_that_stops_says_why_and_how_it_goes_on(tmp_path: Path) -> None:
    with simulated_server() as server:
        lay_out(tmp_path, server.base_url, PIPELINE.replace("pairs.jsonl", "cvalues-mc"))
        ended = program("run", "run.yaml", folder=tmp_path, environ={"OPENAI_API_KEY": "none"})

    assert ended.code == 2
    assert "fetch it with: cvalues fetch cvalues-mc" in ended.err
    assert "stopped with exit code 2; go on with: cvalues run run.yaml" in ended.err


def test_a_rehearsal_prints_the_commands_and_makes_nothing(tmp_path: Path) -> None:
    lay_out(tmp_path, "http://127.0.0.1:9/v1")

    ended = program("run", "run.yaml", "--dry-run", folder=tmp_path)

    steps = [line.split()[2] for line in ended.err.splitlines()]
    assert (ended.code, steps) == (0, ["generate", "judge", "mc", "gap"])
    assert {file.name for file in tmp_path.iterdir()} == {
        *("run.yaml", "prompts.jsonl", "pairs.jsonl")
    }


def test_a_pipeline_with_nothing_to_judge_is_refused_with_its_line(tmp_path: Path) -> None:
    lay_out(tmp_path, "http://127.0.0.1:9/v1")
    text = (tmp_path / "run.yaml").read_text(encoding="utf-8")
    start, end = text.index("generate:"), text.index("judge:")
    (tmp_path / "run.yaml").write_text(text[:start] + text[end:], encoding="utf-8")

    ended = program("run", "run.yaml", folder=tmp_path)

    assert ended.code == 2
    assert "run.yaml:4" in ended.err
    assert not (tmp_path / "made").exists()


def test_what_goes_on_with_a_pipeline_can_be_pasted(tmp_path: Path) -> None:
    refusing = Profile(faults=(PlannedFault(mode="http_403", every=1),))

    with simulated_server(refusing) as server:
        lay_out(tmp_path, server.base_url)
        (tmp_path / "run.yaml").rename(tmp_path / "my run.yaml")
        ended = program("run", "my run.yaml", folder=tmp_path, environ={"OPENAI_API_KEY": "none"})

    assert ended.code == 5
    assert "resume with: cvalues run 'my run.yaml'\n" in ended.err
    assert "go on with: cvalues run 'my run.yaml'\n" in ended.err
