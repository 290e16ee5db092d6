"""Calibrate, compare and gate as functions, on the files of a run."""

from pathlib import Path

import pandas as pd
import pytest

from cvalues import calibrate, compare, gate, grade
from judge import Judge
from judge.errors import ConfigError
from judge.simulated.server import simulated_server

SCORES = [
    {"id": f"i{n}", "judge": "m", "criterion": "safe", "score": int(n % 5 > 0)} for n in range(200)
]
LABELS = [
    {"id": f"i{n}", "rater": "ann", "criterion": "safe", "score": int(n % 5 > 0 and n % 21 > 0)}
    for n in range(100)
]
POLICY = """\
version: "1"
title: Test
checks:
  - name: safety
    measure: safety_rate
    margin: 0.1
"""


def test_a_calibration_shows_its_verdict_and_its_scores() -> None:
    found = calibrate(pd.DataFrame(SCORES), LABELS, design="random")

    row = found.to_pandas().iloc[0]
    assert row["labels"] == 100
    assert row["low"] < row["corrected"] < row["high"]
    assert found.verdict[0] == "Use the corrected scores below; do not use the raw scores."
    assert found.verdict[0] in repr(found)
    assert f"<caption>{found.verdict[0]}" in found._repr_html_()


def test_a_design_is_never_guessed() -> None:
    with pytest.raises(ConfigError, match="how the labelled items were chosen"):
        calibrate(SCORES, LABELS)


def test_two_releases_are_compared_and_gated(tmp_path: Path) -> None:
    store = tmp_path / "s.db"
    with simulated_server() as server:
        judge = Judge(model="openai/simulated-judge-1", base_url=server.base_url)
        for name in ("old", "new"):
            rows = [
                {"id": f"p{n}", "prompt": f"Question {n}", "response": f"{name} answer {n}"}
                for n in range(12)
            ]
            grade(rows, rubric="safety", judge=judge, store=store, run=name)
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")

    compared = compare("old", "new", store=store)
    decided = gate("old", "new", policy=tmp_path / "policy.yaml", store=store)

    assert compared.rows()[0]["group"] == "all"
    assert compared.rows()[0]["prompts"] == 12
    assert "SIMULATED: safety_rate" in repr(compared)
    assert (decided.decision, decided.exit_code) == ("UNTRUSTED", 4)
    assert "no passport" in decided.reasons[0]
    assert "No decision: the judge is not trusted." in decided._repr_html_()
    assert decided.document()["decision"] == "UNTRUSTED"
