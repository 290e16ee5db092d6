"""A coefficient of agreement is one record: report, command line and page take it from there."""

from pathlib import Path

import numpy as np
import pytest

from calibration.estimate import Estimate
from calibration.rater_agreement import coefficients
from calibration.rater_agreement.coefficients import COEFFICIENTS, Coefficient, RatedPairs
from judge.calibrate.analysis import calibrate
from judge.calibrate.calibration_set import Part, Question
from judge.calibrate.from_files import material
from judge.calibrate.from_run import parts
from judge.calibrate.result import Findings
from judge.cli.calibrate_output import show
from judge.report import write_report
from judge.report.from_calibration import foreign_page, with_calibration


def share_of_passes(rated: RatedPairs) -> Estimate:
    """A made-up coefficient: the share of passes that both gave, without an interval of its own."""
    both = float(((rated.pairs.judge == 1.0) & (rated.pairs.human == 1.0)).mean())
    return Estimate(
        value=both,
        low=0.0,
        high=1.0,
        confidence=rated.confidence,
        method="made up",
        n_judged=rated.pairs.n_judged,
        n_labelled=rated.pairs.n,
    )


NEW = Coefficient(
    name="both_pass",
    title="both pass",
    title_zh="双方均通过",
    level="nominal",
    compute=share_of_passes,
    use_when="a test wants to see that nothing else needs to know a coefficient",
)


def findings(folder: Path) -> tuple[Findings, tuple[Part, ...]]:
    rng = np.random.default_rng(1)
    truth = rng.random(80) < 0.8
    said = np.where(rng.random(80) < 0.9, truth, ~truth)
    rows = [f"i{at},m,j,c,{int(said[at])}" for at in range(80)]
    (folder / "s.csv").write_text("id,system,judge,criterion,score\n" + "\n".join(rows))
    rows = [f"i{at},m,ann,c,{int(truth[at])}" for at in range(40)]
    (folder / "l.csv").write_text("id,system,rater,criterion,score\n" + "\n".join(rows))
    cut = parts(material(folder / "s.csv", folder / "l.csv", question=Question()))
    return calibrate(cut, design="random", source="s", labels="l"), cut


def test_a_record_and_a_line_add_a_coefficient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(coefficients, "COEFFICIENTS", (*COEFFICIENTS, NEW))

    found, cut = findings(tmp_path)
    show(found, as_json=False, every=True)
    page = tmp_path / "page.html"
    write_report(page, with_calibration(foreign_page(found, rows=80), found, cut))

    agreed = found.findings[0].agreement
    assert agreed is not None
    assert agreed.coefficients["both_pass"].method == "made up"
    assert "both pass" in capsys.readouterr().out
    written = page.read_text(encoding="utf-8")
    assert "both pass" in written
    assert "双方均通过" in written


@pytest.mark.parametrize("each", COEFFICIENTS, ids=lambda each: each.name)
def test_every_coefficient_says_when_to_use_it(each: Coefficient) -> None:
    assert len(each.use_when) > 20
    assert each.title_zh != each.title


def test_names_are_unique_and_each_level_has_a_main_one() -> None:
    names = [each.name for each in COEFFICIENTS]

    assert len(set(names)) == len(names)
    assert [coefficients.main_at(level).name for level in ("nominal", "ordinal", "interval")] == [
        "ac1",
        "weighted_kappa",
        "icc_single",
    ]
