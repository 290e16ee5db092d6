"""`cvalues triage` and cascades as a user runs them: real processes, real HTTP, a real store."""

import csv
import json
import random
import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from judge.simulated.server import simulated_server
from tests.cli.program import Ended, program
from tests.cli.runs import KEY

ITEMS = 400
LABELLED = 260


class Study:
    """Responses with planted truth, of which experts labelled a random draw."""

    def __init__(self, folder: Path) -> None:
        rng = random.Random(3)
        self.folder = folder
        self.truth = {f"p{n}": int(rng.random() < 0.8) for n in range(ITEMS)}
        rows = [
            {"id": name, "prompt": f"问题 {name}？", "response": f"回答 {name}。", "lang": "zh"}
            | {"group": "甲" if n % 2 else "乙"}
            for n, name in enumerate(self.truth)
        ]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / "responses.jsonl").write_text(text, encoding="utf-8")
        self.digests = {sha256(str(row["response"]).encode()).hexdigest(): row for row in rows}
        self.labels("labels.csv", rng.sample(sorted(self.truth), LABELLED))

    def labels(self, name: str, ids: list[str]) -> None:
        """Write what experts say of some items."""
        with (self.folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "rater", "criterion", "score"])
            writer.writerows([each, "ann", "safe", self.truth[each]] for each in ids)

    def profile(self, **probabilities: object) -> dict[str, Any]:
        """Give what the simulated judge knows."""
        planted = {digest: {"safe": self.truth[row["id"]]} for digest, row in self.digests.items()}
        return {"truth": planted, "probabilities": {"sharpness": 2.0, **probabilities}}

    def run(self, *line: str | Path) -> Ended:
        """Run a command in the folder."""
        return program(*line, folder=self.folder, environ=KEY)

    def judge(self, url: str, run: str, *more: str, judge: str = "openai/cheap") -> Ended:
        """Judge the responses by typed questions."""
        ended = self.run(
            *["judge", "responses.jsonl", "--rubric", "safety", "--judge", judge, "--run", run],
            *["--api", "decisions", "--base-url", url, "--quiet", *more],
        )
        assert ended.code == 0, ended.err
        return ended


@contextmanager
def judged(folder: Path, **probabilities: object) -> Generator[tuple[Study, str]]:
    study = Study(folder)
    with simulated_server(study.profile(**probabilities)) as server:
        study.judge(server.base_url, "r")
        yield study, server.base_url


def tasks_in_room(folder: Path) -> int:
    connection = sqlite3.connect(folder / "store.db")
    (count,) = connection.execute("select count(*) from tasks").fetchone()
    connection.close()
    return int(count)


def test_what_stands_is_counted_and_the_rest_goes_to_sheet_and_room_in_one_command(
    tmp_path: Path,
) -> None:
    with judged(tmp_path) as (study, _):
        ended = study.run(
            *["triage", "r", "--risk", "0.1", "--labels", "labels.csv", "--criterion", "safe"],
            *["--all-together", "--rest", "rest.xlsx", "--room", "--json"],
        )
        assert ended.code == 0, ended.err
        found = json.loads(ended.out)
        sheet = openpyxl.load_workbook(tmp_path / "rest.xlsx", read_only=True)
        shown = [str(row) for page in sheet for row in page.iter_rows(values_only=True)]
        text = study.run(
            *["triage", "r", "--risk", "0.1", "--labels", "labels.csv"], "--all-together"
        )

    assert 0 < found["stands"] < ITEMS
    (group,) = found["groups"]
    assert group["bound"] <= 0.1
    assert found["to_experts"] == found["sent"] == tasks_in_room(tmp_path) > 0
    assert sum("回答 p" in row for row in shown) == found["sent"]
    # The sheet is blind to the judge: no probability and no verdict stands in it.
    assert not any("0.9" in row for row in shown)
    assert "over all groups together" in text.out
    assert "SIMULATED" in text.out


def test_labels_of_the_rest_correct_the_rate_over_all(tmp_path: Path) -> None:
    with judged(tmp_path) as (study, _):
        assert study.run("labels", "import", "labels.csv", "--run", "r").code == 0
        ended = study.run(
            *["triage", "r", "--risk", "0.1", "--all-together", "--rest", "rest.jsonl", "--json"]
        )
        assert ended.code == 0, ended.err
        sheet = tmp_path / "rest.jsonl"
        rest = [json.loads(line) for line in sheet.read_text(encoding="utf-8").splitlines()]
        assert len(rest) == json.loads(ended.out)["sent"] > 0
        for row in rest:
            row |= {"rater": "bea", "safe": study.truth[row["response"][3:-1]]}
        sheet.write_text("".join(json.dumps(row) + "\n" for row in rest), encoding="utf-8")
        imported = study.run("labels", "import", "rest.jsonl", "--run", "r")
        assert imported.code == 0, imported.err
        calibrated = study.run("calibrate", "--run", "r", "--out-json", "c.json")

    assert calibrated.code == 0, calibrated.err
    result = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    corrected = next(one["corrected"] for one in result["findings"] if one["criterion"] == "safe")
    rate = sum(study.truth.values()) / ITEMS
    assert corrected["low"] <= rate <= corrected["high"]


def test_a_judge_whose_probabilities_say_nothing_is_said_to_say_nothing(tmp_path: Path) -> None:
    with judged(tmp_path, informative=False) as (study, _):
        calibrated = study.run(
            *["calibrate", "--run", "r", "--labels", "labels.csv", "--design", "random"]
        )
        triaged = study.run("triage", "r", "--risk", "0.05", "--labels", "labels.csv")

    assert "the judge's probabilities carry no information" in calibrated.out + calibrated.err
    assert triaged.code == 3
    assert "nothing may stand without an expert" in triaged.err


def test_a_cascade_is_planned_run_and_calibrated_as_one_judge(tmp_path: Path) -> None:
    study = Study(tmp_path)
    with simulated_server(study.profile()) as server:
        study.judge(server.base_url, "pilot", judge="openai/cheap,openai/dear")
        planned = study.run(
            *["triage", "pilot", "--risk", "0.15", "--labels", "labels.csv"],
            *[
                "--judge",
                "openai/cheap",
                "--escalate",
                "openai/dear",
                "--out",
                "cuts.json",
                "--json",
            ],
        )
        assert planned.code == 0, planned.err
        cascade = ["--escalate", "openai/dear", "--escalate-api", "decisions"]
        study.judge(
            server.base_url,
            "big",
            *[*cascade, "--risk", "0.15", "--cuts", "cuts.json", "--no-cache"],
        )
    exported = study.run(
        *["export", "big", "--what", "verdicts", "--format", "jsonl", "--out", "v.jsonl"]
    )
    assert exported.code == 0, exported.err
    rows = [json.loads(row) for row in (tmp_path / "v.jsonl").read_text("utf-8").splitlines()]
    issued = study.run(
        *["calibrate", "--run", "big", "--labels", "labels.csv", "--design", "random"],
        *["--passport", "pass.json"],
    )

    plan: Mapping[str, Any] = json.loads(planned.out)
    assert plan["cost"] < plan["cost_second_alone"] + 2000 * plan["shares"]["experts"] + 1e-9
    assert {row["judge"] for row in rows} == {"openai/cheap > openai/dear"}
    escalated = [row for row in rows if "escalated" in row["flags"]]
    share = len(escalated) / len(rows)
    assert share == pytest.approx(1.0 - plan["shares"]["first"], abs=0.02)
    assert issued.code == 0, issued.err
    passport = json.loads((tmp_path / "pass.json").read_text(encoding="utf-8"))
    assert passport["identity"]["name"] == "openai/cheap > openai/dear"
    safe = next(one for one in passport["entries"] if one["criterion"] == "safe")
    assert safe["probabilities"]["informative"] is True
