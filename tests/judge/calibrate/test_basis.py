"""From the JSON of a calibration alone, its intervals can be computed again, by other code."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from calibration.validation import Design, FloatArray, Population
from judge.calibrate.analysis import Aims, calibrate
from judge.calibrate.calibration_set import Question
from judge.calibrate.from_files import material
from judge.calibrate.from_run import parts
from judge.calibrate.result import Basis, CountedCell, Finding, Findings

DRAWS = 400_000
CLOSE = 0.004  # three Monte Carlo errors of a quantile, and the step of our lattice


def found(
    folder: Path,
    *,
    scale: tuple[int, int] = (0, 1),
    design: Design = "random",
    prompts: int | None = None,
    population: Population = "superpopulation",
) -> Finding:
    """Calibrate 300 made items of which 60 are labelled; give the finding as its JSON is read."""
    rng = np.random.default_rng(5)
    low, high = scale
    truth = np.clip(np.rint(high - rng.exponential(0.25 * (high - low), 300)), low, high)
    judge = np.where(rng.random(300) < 0.85, truth, rng.integers(low, high + 1, 300))
    labelled = np.arange(300) < 60
    if design == "by-verdict":
        few = np.flatnonzero(judge == low)[:25]
        labelled = np.isin(np.arange(300), [*few, *np.flatnonzero(judge != low)[:35]])
    rows = [f"p{i},m,j,c,{judge[i]:g},q{i % (prompts or 300)}" for i in range(300)]
    (folder / "s.csv").write_text("id,system,judge,criterion,score,q\n" + "\n".join(rows))
    rows = [f"p{i},m,ann,c,{truth[i]:g}" for i in np.flatnonzero(labelled)]
    (folder / "l.csv").write_text("id,system,rater,criterion,score\n" + "\n".join(rows))
    question = Question(
        scales={} if scale == (0, 1) else {None: scale}, cluster="q" if prompts else None
    )
    cut = parts(material(folder / "s.csv", folder / "l.csv", question=question))
    aims = Aims(population=population)
    findings = calibrate(cut, design=design, source="s", labels="l", aims=aims)
    return Findings.model_validate_json(findings.model_dump_json()).findings[0]


def basis_of(finding: Finding) -> Basis:
    assert finding.basis is not None
    return finding.basis


def ends_of(finding: Finding) -> list[float]:
    assert finding.corrected is not None
    return [finding.corrected.low, finding.corrected.high]


def repeated(cells: Sequence[CountedCell]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Verdict, label and weight of each labelled item."""
    mine = [each for each in cells if each.label is not None]
    columns = (
        [np.nan if each.verdict is None else each.verdict for each in mine],
        [each.label or 0.0 for each in mine],
        [each.weight or 0.0 for each in mine],
    )
    times = [each.items for each in mine]
    verdict, label, weight = (np.repeat(np.array(column), times) for column in columns)
    return verdict, label, weight


def effective(cells: Sequence[CountedCell], effect: float) -> tuple[float, float]:
    """Independent, equally weighted labels that some are worth, and how many of them pass."""
    _, label, weight = repeated(cells)
    n = float(weight.sum() ** 2 / (weight**2).sum()) / effect
    return n, n * float(label @ weight / weight.sum())


@pytest.mark.parametrize(
    ("design", "prompts"), [("random", None), ("by-verdict", None), ("random", 60)]
)
def test_the_interval_of_a_rate(tmp_path: Path, design: Design, prompts: int | None) -> None:
    finding = found(tmp_path, design=design, prompts=prompts)
    basis, rng = basis_of(finding), np.random.default_rng(0)
    rates: list[FloatArray] = []
    sizes: list[float] = []
    for verdict in (1.0, 0.0):
        mine = [each for each in basis.cells if each.verdict == verdict]
        n, k = effective(mine, basis.effect_labels)
        # Mid-p: half of the draws from either one-sided confidence distribution.
        below = rng.beta(k, n - k + 1, DRAWS) if k > 0 else np.zeros(DRAWS)
        above = rng.beta(k + 1, n - k, DRAWS) if k < n else np.ones(DRAWS)
        rates.append(np.where(rng.random(DRAWS) < 0.5, below, above))
        sizes.append(sum(each.items for each in mine) / basis.effect_items + 0.5)
    shares = rng.dirichlet(sizes, DRAWS)

    ends = np.quantile((shares * np.array(rates).T).sum(axis=1), [0.025, 0.975])

    assert ends_of(finding) == pytest.approx(ends.tolist(), abs=CLOSE)


def test_the_interval_of_the_labels_alone(tmp_path: Path) -> None:
    finding = found(tmp_path, prompts=60)
    basis = basis_of(finding)
    n, k = effective(basis.cells, basis.effect_alone)

    ends = [float(stats.beta.ppf(0.025, k, n - k + 1)), float(stats.beta.ppf(0.975, k + 1, n - k))]

    alone = finding.human_only
    assert alone is not None
    assert [alone.low, alone.high] == pytest.approx(ends, abs=1e-9)


def test_the_interval_of_a_mean(tmp_path: Path) -> None:
    finding = found(tmp_path, scale=(1, 5))
    basis, rng = basis_of(finding), np.random.default_rng(0)
    verdicts = np.repeat(
        np.array([each.verdict or 0.0 for each in basis.cells]),
        [each.items for each in basis.cells],
    )
    verdict, y, _ = repeated(basis.cells)
    centre, n = float(verdicts.mean()), y.size
    x = verdict - centre
    slopes = np.array([_slope(np.delete(x, at), np.delete(y, at)) for at in range(n)])
    slopes = np.clip(slopes, 0.0, 1.5) * n / (n + 50.0)
    kept = np.sqrt(n / verdicts.size) * slopes.mean() * (x - x.mean())
    adjusted = y - slopes * x + kept
    ends = (
        1.0 - slopes.mean() * (verdicts.max() - centre),
        5.0 - slopes.mean() * (verdicts.min() - centre),
    )
    support = min(float(ends[0]), adjusted.min()), max(float(ends[1]), adjusted.max())
    # Gaffke's distribution: one more value at an end of the support, half of the draws at each.
    shares = rng.dirichlet(np.ones(n + 1), DRAWS // 4)
    means = np.concatenate([shares @ np.append(adjusted, end) for end in support])

    assert basis.method == "judge-adjusted, Gaffke, mid"
    assert ends_of(finding) == pytest.approx(
        np.quantile(means, [0.025, 0.975]).tolist(), abs=4 * CLOSE
    )


def _slope(x: FloatArray, y: FloatArray) -> float:
    return float(np.cov(x, y)[0, 1] / x.var(ddof=1))


def test_the_interval_of_agreement(tmp_path: Path) -> None:
    agreed = found(tmp_path).agreement
    assert agreed is not None
    table, rng = np.array(agreed.table), np.random.default_rng(0)
    drawn: list[list[float]] = []
    for mass in (0.25, 2.0):
        p = rng.dirichlet(table.ravel() + mass / 4.0, DRAWS)
        q = p[:, 3] + (p[:, 1] + p[:, 2]) / 2.0
        chance = 2.0 * q * (1.0 - q)
        ac1 = (p[:, 0] + p[:, 3] - chance) / (1.0 - chance)
        drawn.append(np.quantile(ac1, [0.025, 0.975]).tolist())

    given = agreed.coefficients["ac1"]

    low, high = min(each[0] for each in drawn), max(each[1] for each in drawn)
    assert [given.low, given.high] == pytest.approx([low, high], abs=0.02)


def test_a_finite_population_is_said_and_shorter(tmp_path: Path) -> None:
    whole, alone = found(tmp_path), found(tmp_path, population="finite")

    assert basis_of(alone).population == "finite"
    width = [ends_of(each)[1] - ends_of(each)[0] for each in (whole, alone)]
    # The share of what the judge passes is known, too.
    assert 0.0 < width[1] < width[0] * np.sqrt(1 - 60 / 300)
