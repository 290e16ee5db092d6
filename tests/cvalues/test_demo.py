"""The demonstration as a newcomer runs it."""

from pathlib import Path

import pytest

from tests.cli.program import program


@pytest.mark.slow
def test_the_demonstration_reaches_a_decision_and_says_that_all_of_it_is_simulated(
    tmp_path: Path,
) -> None:
    ended = program("demo", "--out", tmp_path / "demo", folder=tmp_path)

    assert ended.code == 0, ended.err
    assert "DEMO ONLY (simulated). Do not ship: the candidate is worse" in ended.out
    assert "SIMULATED judge and experts: no finding about any real model." in ended.out
    page = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert "SIMULATED" in page
    assert "<script" not in page
