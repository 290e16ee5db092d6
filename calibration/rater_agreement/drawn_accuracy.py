"""The judge's error rates under the draw that was made of the labels.

Labels drawn by verdict, or at unequal rates over strata, over-represent what the judge fails. Of
the labelled items alone, sensitivity and specificity are then those of nobody: the sensitivity is
too low and the specificity too high. Each label counts for the items that it stands for. With the
judge's verdicts on all items known, the share of experts' passes in each stratum gives the whole
table of judge by expert, and its rates; what is uncertain is drawn from the mid-p confidence
distributions of the strata. ``R`` draws.

References
----------
Begg and Greenes (1983), Biometrics 39(1), 207-215, the correction for partial verification.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.estimate import Estimate
from calibration.labelled_sample import Labelled, read_labelled
from calibration.post_stratification import PRIOR, Stratum, verdict_strata
from calibration.validation import Design, FloatArray, check_binary, check_share

DRAWS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeTable:
    """Items by verdict and by what experts say or would say, drawn; each shape (1 + R,).

    The first entry is the estimate, the others are draws of what it may be.

    Attributes
    ----------
    pass_pass, pass_fail, fail_pass, fail_fail : float array
        First what the judge says, then what the experts say.
    """

    pass_pass: FloatArray
    pass_fail: FloatArray
    fail_pass: FloatArray
    fail_fail: FloatArray

    def __add__(self, other: "JudgeTable") -> "JudgeTable":
        """Put the items of two systems together."""
        return JudgeTable(
            pass_pass=self.pass_pass + other.pass_pass,
            pass_fail=self.pass_fail + other.pass_fail,
            fail_pass=self.fail_pass + other.fail_pass,
            fail_fail=self.fail_fail + other.fail_fail,
        )

    @property
    def sensitivity(self) -> float:
        """Share of what experts pass that the judge passes."""
        return float(1.0 / (1.0 + np.exp(-self.sensitivity_odds[0])))

    @property
    def specificity(self) -> float:
        """Share of what experts fail that the judge fails."""
        return float(1.0 / (1.0 + np.exp(-self.specificity_odds[0])))

    @property
    def sensitivity_odds(self) -> FloatArray:
        """Log odds that the judge passes what experts pass."""
        return _log_odds(self.pass_pass, self.fail_pass)

    @property
    def specificity_odds(self) -> FloatArray:
        """Log odds that the judge fails what experts fail."""
        return _log_odds(self.fail_fail, self.pass_fail)


def judge_table(labelled: Labelled, *, seed: int = 0) -> JudgeTable:
    """Draw the table of judge by expert from the labels of one system.

    Parameters
    ----------
    labelled : Labelled
        Verdicts and labels, 0 and 1; items without a verdict are in no cell.
    seed : int
        Same seed, same draws.

    Returns
    -------
    JudgeTable
    """
    rng = np.random.default_rng(seed)
    cells = {name: np.zeros(DRAWS + 1) for name in ("pp", "pf", "fp", "ff")}
    for stratum in verdict_strata(labelled):
        if stratum.name not in VERDICTS or stratum.items == 0:
            continue
        sizes, rates = _drawn(stratum, rng)
        said = VERDICTS[stratum.name]
        cells[f"{said}p"] += sizes * rates
        cells[f"{said}f"] += sizes * (1.0 - rates)
    return JudgeTable(
        pass_pass=cells["pp"], pass_fail=cells["pf"], fail_pass=cells["fp"], fail_fail=cells["ff"]
    )


VERDICTS = {"judge passes": "p", "judge fails": "f"}


def drawn_accuracy(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    design: Design = "random",
    strata: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[Estimate, Estimate]:
    """Estimate sensitivity and specificity over all judged items, as the labels were drawn.

    Use when labels were drawn by verdict or at unequal rates; of a plain random draw
    :func:`calibration.rater_agreement.accuracy.judge_accuracy` is exact.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        1 pass, 0 fail, NaN where missing.
    design, strata, clusters
        As in :func:`calibration.estimate_rate`.
    confidence : float
    seed : int
        Same input, same digits.

    Returns
    -------
    (Estimate, Estimate)
        Share of the experts' passes that the judge passes, of their fails that it fails.

    Raises
    ------
    ValueError, InsufficientLabels
        As :func:`calibration.estimate_rate`.
    """
    check_share("confidence", confidence)
    drawn = read_labelled(
        judge, human, scale=(0.0, 1.0), design=design, clusters=clusters, strata=strata
    )
    check_binary("judge", drawn.judge)
    check_binary("human", drawn.human)
    table = judge_table(drawn, seed=seed)
    passed = int(drawn.human[drawn.used].sum())
    failed = drawn.n_labelled - passed
    odds = table.sensitivity_odds, table.specificity_odds
    return (
        _estimate(odds[0], "sensitivity", drawn, labels=passed, confidence=confidence),
        _estimate(odds[1], "specificity", drawn, labels=failed, confidence=confidence),
    )


def difference_p(mine: FloatArray, rest: FloatArray) -> float:
    """Two-sided p-value that two drawn log odds are the same."""
    gap = mine[1:] - rest[1:]
    below, above = float((gap < 0.0).mean()), float((gap > 0.0).mean())
    ties = 0.5 * (1.0 - below - above)
    return min(1.0, 2.0 * min(below, above) + 2.0 * ties + 1.0 / gap.size)


def _drawn(stratum: Stratum, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Sizes and rates of a stratum, the observed ones first."""
    passes, fails = stratum.passes, max(stratum.labels - stratum.passes, 0.0)
    upper = (rng.random(DRAWS) < 0.5).astype(np.float64)
    a, b = passes + upper, fails + 1.0 - upper
    top, bottom = _gamma(a, rng), _gamma(b, rng)
    rates = top / (top + bottom)
    sizes = _gamma(np.full(DRAWS, stratum.size + PRIOR), rng) * stratum.items / stratum.size
    seen = passes / stratum.labels if stratum.labels > 0.0 else 0.5
    return np.concatenate([[stratum.items], sizes]), np.concatenate([[seen], rates])


def _gamma(shape: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.where(shape > 0.0, rng.standard_gamma(np.maximum(shape, 1e-300)), 0.0)


def _log_odds(hits: FloatArray, misses: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.log(hits) - np.log(misses), nan=0.0, posinf=50.0, neginf=-50.0)


def _estimate(
    odds: FloatArray, name: str, drawn: Labelled, *, labels: int, confidence: float
) -> Estimate:
    shares = 1.0 / (1.0 + np.exp(-odds))
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(shares[1:], [tail, 1.0 - tail]).tolist()
    value = float(shares[0])
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        confidence=confidence,
        method=f"{name}, weighted as drawn, mid-p melded",
        n_judged=drawn.n_judged,
        n_labelled=labels,
    )
