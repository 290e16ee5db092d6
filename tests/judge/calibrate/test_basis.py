"""From the JSON of a calibration alone, its intervals can be computed again, by other code."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from calibration.validation import Design, Population
from judge.calibrate.analysis import Aims, calibrate
from judge.calibrate.calibration_set import Question
from judge.calibrate.from_files import material
from judge.calibrate.from_run import parts

DRAWS = 400_000
CLOSE = 0.004  # three Monte Carlo errors of a quantile, and the step of our lattice

Json = Mapping[str, object]


def found(
    folder: Path,
    *,
    scale: tuple[int, int] = (0, 1),
    design: Design = "random",
    prompts: int | None = None,
    population: Population = "superpopulation",
) -> Json:
    """Calibrate 300 made items of which 60 are labelled; give the finding as JSON reads it."""
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
    return json.loads(findings.model_dump_json())["findings"][0]


def cells(finding: Json, **having: object) -> list[dict[str, float]]:
    return [
        each
        for each in finding["basis"]["cells"]
        if all((each[key] == value) for key, value in having.items())
    ]


def effective(labelled: Sequence[Mapping[str, float]], effect: float) -> tuple[float, float]:
    """Independent, equally weighted labels that some are worth, and how many of them pass."""
    weight = np.repeat([each["weight"] for each in labelled], [each["items"] for each in labelled])
    passed = np.repeat([each["label"] for each in labelled], [each["items"] for each in labelled])
    n = weight.sum() ** 2 / (weight**2).sum() / effect
    return n, n * float(passed @ weight / weight.sum())


@pytest.mark.parametrize(
    ("design", "prompts"), [("random", None), ("by-verdict", None), ("random", 60)]
)
def test_the_interval_of_a_rate(tmp_path: Path, design: Design, prompts: int | None) -> None:
    finding = found(tmp_path, design=design, prompts=prompts)
    basis, rng = finding["basis"], np.random.default_rng(0)
    rates, sizes = [], []
    for verdict in (1.0, 0.0):
        mine = cells(finding, verdict=verdict)
        n, k = effective([x for x in mine if x["label"] is not None], basis["effect_labels"])
        # Mid-p: half of the draws from either one-sided confidence distribution.
        below = rng.beta(k, n - k + 1, DRAWS) if k > 0 else np.zeros(DRAWS)
        above = rng.beta(k + 1, n - k, DRAWS) if k < n else np.ones(DRAWS)
        rates.append(np.where(rng.random(DRAWS) < 0.5, below, above))
        sizes.append(sum(x["items"] for x in mine) / basis["effect_items"] + 0.5)
    shares = rng.dirichlet(sizes, DRAWS)

    ends = np.quantile((shares * np.array(rates).T).sum(axis=1), [0.025, 0.975])

    corrected = finding["corrected"]
    assert [corrected["low"], corrected["high"]] == pytest.approx(ends.tolist(), abs=CLOSE)


def test_the_interval_of_the_labels_alone(tmp_path: Path) -> None:
    finding = found(tmp_path, prompts=60)
    labelled = [each for each in finding["basis"]["cells"] if each["label"] is not None]
    n, k = effective(labelled, finding["basis"]["effect_alone"])

    ends = [stats.beta.ppf(0.025, k, n - k + 1), stats.beta.ppf(0.975, k + 1, n - k)]

    alone = finding["human_only"]
    assert [alone["low"], alone["high"]] == pytest.approx(ends, abs=1e-9)


def test_the_interval_of_a_mean(tmp_path: Path) -> None:
    finding = found(tmp_path, scale=(1, 5))
    basis, rng = finding["basis"], np.random.default_rng(0)
    judged = [each for each in basis["cells"] if each["verdict"] is not None]
    total = sum(each["items"] for each in judged)
    centre = sum(each["items"] * each["verdict"] for each in judged) / total
    labelled = [each for each in judged if each["label"] is not None]
    times = [each["items"] for each in labelled]
    x = np.repeat([each["verdict"] for each in labelled], times) - centre
    y = np.repeat([each["label"] for each in labelled], times)
    n = y.size
    others = [np.delete(np.arange(n), at) for at in range(n)]
    slopes = np.array([np.cov(x[rest], y[rest])[0, 1] / x[rest].var(ddof=1) for rest in others])
    slopes = np.clip(slopes, 0.0, 1.5) * n / (n + 50.0)
    kept = np.sqrt(n / total) * slopes.mean() * (x - x.mean())
    adjusted = y - slopes * x + kept
    scores = [each["verdict"] - centre for each in judged]
    ends = 1.0 - slopes.mean() * max(scores), 5.0 - slopes.mean() * min(scores)
    support = min(ends[0], adjusted.min()), max(ends[1], adjusted.max())
    # Gaffke's distribution: one more value at an end of the support, half of the draws at each.
    shares = rng.dirichlet(np.ones(n + 1), DRAWS // 4)
    means = np.concatenate([shares @ np.append(adjusted, end) for end in support])

    corrected = finding["corrected"]

    assert basis["method"] == "judge-adjusted, Gaffke, mid"
    assert [corrected["low"], corrected["high"]] == pytest.approx(
        np.quantile(means, [0.025, 0.975]).tolist(), abs=4 * CLOSE * 4
    )


def test_the_interval_of_agreement(tmp_path: Path) -> None:
    finding = found(tmp_path)
    table, rng = np.array(finding["agreement"]["table"]), np.random.default_rng(0)
    drawn = []
    for mass in (0.25, 2.0):
        p = rng.dirichlet(table.ravel() + mass / 4.0, DRAWS)
        q = p[:, 3] + (p[:, 1] + p[:, 2]) / 2.0
        chance = 2.0 * q * (1.0 - q)
        drawn.append(np.quantile((p[:, 0] + p[:, 3] - chance) / (1.0 - chance), [0.025, 0.975]))

    ac1 = finding["agreement"]["coefficients"]["ac1"]

    low, high = min(each[0] for each in drawn), max(each[1] for each in drawn)
    assert [ac1["low"], ac1["high"]] == pytest.approx([low, high], abs=0.02)


def test_a_finite_population_is_said_and_shorter(tmp_path: Path) -> None:
    whole, alone = found(tmp_path), found(tmp_path, population="finite")

    assert alone["basis"]["population"] == "finite"
    width = [each["corrected"]["high"] - each["corrected"]["low"] for each in (whole, alone)]
    # The share of what the judge passes is known, too.
    assert 0.0 < width[1] < width[0] * np.sqrt(1 - 60 / 300)
