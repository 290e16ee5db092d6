"""The coverage benchmark holds its goals; a smoke run by default, the long one when asked for."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "coverage.py"


@dataclass(frozen=True)
class Goal:
    name: str
    measured: float
    met: bool


def simulate(out: Path, *sections: str, repeats: int) -> str:
    """Run the benchmark in a process of its own; give the JSON that it wrote."""
    command = [sys.executable, str(SCRIPT), "--repeats", str(repeats), "--out", str(out)]
    subprocess.run([*command, "--sections", *sections], check=True, capture_output=True)
    return out.read_text(encoding="utf-8")


def goals(report: str) -> list[Goal]:
    return [Goal(row["name"], row["measured"], row["met"]) for row in json.loads(report)["goals"]]


def test_a_smoke_run_answers_every_time_with_a_width(tmp_path: Path) -> None:
    report = json.loads(simulate(tmp_path / "a.json", "by-verdict", "clustered", repeats=3))

    ours = [row for row in report["rows"] if row["method"] == "cvalues"]
    assert len(ours) == 32
    assert all(row["answered"] == 1.0 and row["zero_width"] == 0 for row in ours)


def test_the_same_seed_gives_the_same_digits(tmp_path: Path) -> None:
    first, second = (
        simulate(tmp_path / name, "by-verdict", repeats=2) for name in ("a.json", "b.json")
    )

    assert first == second


@pytest.mark.slow
@pytest.mark.parametrize(
    ("section", "repeats"),
    [
        ("binary", 400),
        ("by-verdict", 400),
        ("curated", 400),
        ("clustered", 400),
        ("ordinal", 200),
        ("paired", 200),
    ],
)
def test_the_goals_are_met_up_to_three_monte_carlo_errors(
    section: str, repeats: int, tmp_path: Path
) -> None:
    found = goals(simulate(tmp_path / "coverage.json", section, repeats=repeats))

    assert found
    assert [goal for goal in found if not goal.met] == []
