"""Do a judge's probabilities mean anything: calibration curve, error, Brier score, sharpness.

A judge is calibrated when, among items to which it gives 80 %, experts pass 80 %. Bins are cut at
quantiles of the probabilities of all judged items, so that no label moves a bin, and at the
threshold, so that labels drawn by verdict stay random inside each bin.

``p`` (n,) probabilities of a pass, ``y`` (n,) labels 0 or 1, ``w`` (n,) items that each stands for;
N items are judged. Rates and probabilities are fractions.

References
----------
Murphy (1973), J. Appl. Meteor. 12(4), 595-600, and Dimitriadis, Gneiting and Jordan (2021), PNAS
118(8), decompositions of a score. Gneiting, Balabdaoui and Raftery (2007), JRSS B 69(2), 243-268,
sharpness. Gupta, Podkopaev and Ramdas (2020), NeurIPS, bins with distribution-free intervals.
DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3), 837-845. Kumar, Liang and Ma (2019),
NeurIPS, on the bias of the plug-in calibration error, which is what the cross-fitted sign avoids.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import Estimate, Interval
from calibration.intervals import clopper_pearson, mean_interval
from calibration.labelled_sample import Labelled, read_labelled
from calibration.recalibration import cross_fitted, require_labels
from calibration.validation import (
    BoolArray,
    Design,
    FloatArray,
    check_binary,
    check_ratings,
    check_share,
)

LABELS_A_BIN = 15
MOST_BINS = 10
LEVEL = 0.05
"""Level of the tests whether probabilities say anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveBin:
    """One point of the calibration curve.

    Attributes
    ----------
    from_probability, to_probability : float
        Ends of the bin; the lower belongs to it.
    predicted : float
        Mean probability of its judged items.
    observed : float
        Experts' pass rate among its labelled items; NaN without labels.
    interval : Interval
        Of that pass rate alone.
    band : Interval
        As above, but all bins together are covered with the confidence asked for.
    n_judged, n_labelled : int
    """

    from_probability: float
    to_probability: float
    predicted: float
    observed: float
    interval: Interval
    band: Interval
    n_judged: int
    n_labelled: int

    @property
    def off(self) -> bool:
        """Whether the predicted rate lies outside the band: here the probability is wrong."""
        return not self.band.low <= self.predicted <= self.band.high


@dataclass(frozen=True, slots=True, kw_only=True)
class BrierScore:
    """Mean squared distance of probabilities to labels, and what it is made of.

    ``score = uncertainty - discrimination + miscalibration``, exactly.

    Attributes
    ----------
    score : float
        0 is perfect.
    uncertainty : float
        The score of always saying the pass rate.
    discrimination : float
        What a recalibrated judge gains on that; about 0 or below where it knows nothing.
    miscalibration : float
        What recalibration would gain; about 0 or below where none is needed.
    """

    score: float
    uncertainty: float
    discrimination: float
    miscalibration: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Whether a judge's probabilities can be believed.

    Attributes
    ----------
    curve : tuple of CurveBin
        Ascending.
    error : Estimate
        Expected calibration error: mean distance between probability and pass rate. The value is
        free of the bias of counting noise as error, so it can fall slightly below 0.
    brier : BrierScore
    sharpness : float
        Standard deviation of the probabilities of all judged items; 0 says the same of all.
    ranking : Estimate
        Area under the ROC curve: the share of pairs of a pass and a fail in which the pass has the
        higher probability; 0.5 is chance.
    informative : bool
        Whether the labels show that probabilities rank passes above fails, at 5 %.
    beyond_verdict : bool
        Whether they do so among items with the same verdict: else 0 or 1 says as much.
    n_judged, n_labelled : int
    warnings : tuple of str
    """

    curve: tuple[CurveBin, ...]
    error: Estimate
    brier: BrierScore
    sharpness: float
    ranking: Estimate
    informative: bool
    beyond_verdict: bool
    n_judged: int
    n_labelled: int
    warnings: tuple[str, ...] = ()


def measure_reliability(
    probability: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    threshold: float = 0.5,
    design: Design = "random",
    strata: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Reliability:
    """Hold a judge's probabilities against experts.

    Use it for each group and language apart: a judge that is right on average may be wrong in both.

    Parameters
    ----------
    probability : float array, shape (N,)
        The judge's probability of a pass; NaN where it gave none.
    human : float array, shape (N,)
        1 pass, 0 fail, NaN where there is no label.
    threshold : float
        From which probability on the verdict is a pass.
    design : {"random", "by-verdict", "curated"}
        How the labelled items were chosen; after a curated draw the curve is not of these items,
        and a warning says so.
    strata : array, shape (N,), optional
        Stratum of each item, where labels were drawn at a different rate from each. The rates of
        single bins take no notice of it.
    confidence : float
    seed : int
        Of the folds.

    Returns
    -------
    Reliability

    Raises
    ------
    ValueError
        If an argument is malformed.
    InsufficientLabels
        If there are under 20 labels, or under 5 of either kind.
    """
    alpha = 1.0 - check_share("confidence", confidence)
    said = check_ratings("probability", probability, (0.0, 1.0))
    verdict = np.where(np.isnan(said), np.nan, (said >= threshold).astype(np.float64))
    drawn = read_labelled(verdict, human, scale=(0.0, 1.0), design=design, strata=strata)
    check_binary("human", drawn.human)
    used = drawn.used & ~drawn.missing
    p, y, w = said[used], drawn.human[used], drawn.weight[used]
    require_labels(y)
    recalibrated = cross_fitted(p, y, w, method="platt", seed=seed)
    ranking, informative = _ranking(p, y, w, alpha=alpha)
    inside = informative and ranks_within(p, y, p >= threshold) <= LEVEL
    curve = _curve(said, drawn, threshold=threshold, alpha=alpha)
    error = _error(p, y, (w, recalibrated), drawn=drawn, alpha=alpha)
    return Reliability(
        curve=curve,
        # The limits of the mean do not know that the directions were learnt; the bands need none.
        error=error if any(one.off for one in curve) else replace(error, low=0.0),
        brier=_brier(p, y, w, recalibrated=recalibrated),
        sharpness=float(np.nanstd(said)),
        ranking=ranking,
        informative=informative,
        beyond_verdict=inside,
        n_judged=drawn.n_judged,
        n_labelled=int(used.sum()),
        warnings=_warnings(design, informative=informative, inside=inside),
    )


def bin_edges(judged: FloatArray, labels: int, threshold: float) -> FloatArray:
    """Cut between bins, from the judged probabilities alone.

    Parameters
    ----------
    judged : float array, shape (N,)
        No NaN.
    labels : int
        Number of labels; bins hold fifteen of them on average, and there are ten at most.
    threshold : float
        Always a cut, where probabilities lie on both of its sides.

    Returns
    -------
    float array
        Inner edges, ascending; a probability equal to an edge is above it.
    """
    bins = int(np.clip(labels // LABELS_A_BIN, 2, MOST_BINS))
    shares = np.arange(1, bins, dtype=np.float64) / bins
    cuts = np.quantile(judged, shares, method="closest_observation")
    nearest = int(np.argmin(np.abs(cuts - threshold)))
    if (judged < threshold).any() and (judged >= threshold).any():
        cuts[nearest] = threshold
    return np.unique(cuts[cuts > judged.min()])


def _curve(
    said: FloatArray, drawn: Labelled, *, threshold: float, alpha: float
) -> tuple[CurveBin, ...]:
    judged = said[~np.isnan(said)]
    edges = bin_edges(judged, drawn.n_labelled, threshold)
    place = np.where(np.isnan(said), -1, np.searchsorted(edges, said, side="right"))
    ends = np.concatenate([[0.0], edges, [1.0]])
    return tuple(
        _bin(said, drawn, place == number, alpha=alpha, bins=edges.size + 1, ends=ends[number:])
        for number in range(edges.size + 1)
    )


def _bin(
    said: FloatArray,
    drawn: Labelled,
    here: BoolArray,
    *,
    alpha: float,
    bins: int,
    ends: FloatArray,
) -> CurveBin:
    labels = drawn.human[here & drawn.used]
    passes, n = float(labels.sum()), int(labels.size)
    return CurveBin(
        from_probability=float(ends[0]),
        to_probability=float(ends[1]),
        predicted=float(said[here].mean()),
        observed=passes / n if n else float("nan"),
        interval=clopper_pearson(passes, n, tail=alpha / 2.0),
        band=clopper_pearson(passes, n, tail=alpha / bins / 2.0),
        n_judged=int(here.sum()),
        n_labelled=n,
    )


def _error(
    p: FloatArray,
    y: FloatArray,
    fit: tuple[FloatArray, FloatArray],
    *,
    drawn: Labelled,
    alpha: float,
) -> Estimate:
    """Mean of (y - p) times the direction in which labels other than y say that p is wrong.

    Were the direction always right, this would be the calibration error itself. Where it is wrong
    the two are close to each other, so little is lost; and noise has no direction to follow.
    """
    w, recalibrated = fit
    directed = (y - p) * np.sign(recalibrated - p)
    weight = w * w.sum() / (w @ w)
    interval = mean_interval(directed, weight, (-1.0, 1.0), tail=alpha / 2.0)
    # The error is no less than that of one direction for all, which is right where labels are few.
    plain = mean_interval(y - p, weight, (-1.0, 1.0), tail=alpha / 2.0)
    return Estimate(
        value=float(directed @ w / w.sum()),
        low=max(interval.low, 0.0) if interval.high >= 0.0 else 0.0,
        high=max(interval.high, plain.high, -plain.low, 0.0),
        confidence=1.0 - alpha,
        method="calibration error by cross-fitted direction, Gaffke mid",
        n_judged=drawn.n_judged,
        n_labelled=p.size,
    )


def _brier(p: FloatArray, y: FloatArray, w: FloatArray, *, recalibrated: FloatArray) -> BrierScore:
    total = w.sum()
    # Each label's pass rate without itself, as the recalibrated probability is without it.
    others = (float(w @ y) - w * y) / (total - w)
    score, known, constant = (
        float(w @ (forecast - y) ** 2 / total) for forecast in (p, recalibrated, others)
    )
    return BrierScore(
        score=score,
        uncertainty=constant,
        discrimination=constant - known,
        miscalibration=score - known,
    )


def _ranking(p: FloatArray, y: FloatArray, w: FloatArray, *, alpha: float) -> tuple[Estimate, bool]:
    """Area under the ROC curve with DeLong's interval on the log-odds, and a rank test."""
    passes, fails = p[y == 1.0], p[y == 0.0]
    above = (np.sign(passes[:, None] - fails[None, :]) + 1.0) / 2.0
    a, b = w[y == 1.0], w[y == 0.0]
    of_pass, of_fail = above @ b / b.sum(), a @ above / a.sum()
    area = float(a @ of_pass / a.sum())
    variance = _variance(of_pass, a) + _variance(of_fail, b)
    inside = min(max(area, 0.5 / passes.size / fails.size), 1.0 - 0.5 / passes.size / fails.size)
    spread = math.sqrt(max(variance, _least_variance(passes.size, fails.size)))
    spread *= -float(special.ndtri(alpha / 2.0)) / (inside * (1.0 - inside))
    odds = math.log(inside / (1.0 - inside))
    estimate = Estimate(
        value=area,
        low=min(1.0 / (1.0 + math.exp(spread - odds)), area),
        high=max(1.0 / (1.0 + math.exp(-spread - odds)), area),
        confidence=1.0 - alpha,
        method="area under the ROC curve, DeLong on the log-odds",
        n_judged=p.size,
        n_labelled=p.size,
    )
    together = np.zeros(p.size, dtype=np.bool_)
    return estimate, ranks_within(p, y, together) <= LEVEL


def _variance(scores: FloatArray, weight: FloatArray) -> float:
    share = weight / weight.sum()
    mean = float(share @ scores)
    correction = 1.0 - float(share @ share)
    return float(share**2 @ (scores - mean) ** 2) / max(correction, 1e-9)


def _least_variance(passes: int, fails: int) -> float:
    """Variance of an area that differs from 0 or 1 by half a pair, so that none has no width."""
    nearly = 1.0 - 0.5 / (passes * fails)
    return nearly * (1.0 - nearly) / min(passes, fails)


def ranks_within(p: FloatArray, y: FloatArray, verdict: BoolArray) -> float:
    """Test whether passes have higher probabilities than fails with the same verdict.

    Parameters
    ----------
    p, y : float array, shape (n,)
    verdict : bool array, shape (n,)

    Returns
    -------
    float
        One-sided p-value of van Elteren's rank test; 1 where no verdict has both.
    """
    total, variance = 0.0, 0.0
    for side in (True, False):
        here = verdict == side
        passes = int(y[here].sum())
        fails = int(here.sum()) - passes
        if passes == 0 or fails == 0:
            continue
        ranks = _midranks(p[here])
        size = passes + fails
        centred = float(ranks[y[here] == 1.0].sum()) - passes * (size + 1) / 2.0
        total += centred / (size + 1)
        variance += passes * fails * float(ranks.var()) / (size - 1) / (size + 1) ** 2
    return float(special.ndtr(-total / math.sqrt(variance))) if variance > 0.0 else 1.0


def _midranks(values: FloatArray) -> FloatArray:
    _, index, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2.0)[index]


def _warnings(design: Design, *, informative: bool, inside: bool) -> tuple[str, ...]:
    warnings: list[str] = []
    if design == "curated":
        warnings.append("The labels were chosen by hand: the curve is of them, not of all items.")
    if not informative:
        warnings.append(
            "The probabilities say nothing: experts do not pass items with a high one more often "
            "than items with a low one, as far as the labels show."
        )
    elif not inside:
        warnings.append(
            "Beyond the verdict the probabilities say nothing, as far as the labels show: among "
            "items with the same verdict a higher one does not mean a pass more often."
        )
    return tuple(warnings)
