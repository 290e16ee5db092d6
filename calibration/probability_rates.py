"""The share that experts would pass, corrected from a judge's probabilities.

The plain way is to compare each probability with a threshold and to correct the verdicts
(:func:`calibration.estimate_rate`). Finer bins of the probability use more of what it says, but
each needs labels of its own, and a judge whose probabilities say nothing makes them a loss. So
bins are used only where both hold: the interval would be shorter if the judge were right, and also
if it were much too sure or too timid; and the labels show that among items with the same verdict
a higher probability means a pass more often.

N items are judged and n of them labelled; rates and probabilities are fractions.

References
----------
As :func:`calibration.estimate_rate`. The choice was measured against the threshold alone, quantile
bins and the mean of probabilities in ``benchmarks/probabilities.py``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import Estimate
from calibration.estimators import estimate_rate
from calibration.labelled_sample import Labelled, read_labelled
from calibration.post_stratification import Stratum, melded_limits, point_value
from calibration.probabilities import ranks_within
from calibration.validation import BoolArray, Design, FloatArray, check_ratings, check_share

LEAST_LABELS = 60
"""Under so many labels the threshold alone was always as short."""

EXTRA_CUTS = 2
CUT_SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98)
"""Where cuts may lie, as quantiles of the judged probabilities."""

TEMPERATURES = (0.4, 1.0, 2.0)
"""Factors on the log-odds under which bins must shorten the interval."""

LEAST_GAIN = 0.03
"""By which share the interval must be expected to be shorter."""

LEVEL = 0.01
"""Level of the test whether probabilities say anything beyond the verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BinnedRate:
    """A corrected rate, and the cuts that it was made with.

    Attributes
    ----------
    estimate : Estimate
    cuts : tuple of float
        Between bins, ascending; the threshold alone where the verdicts were used.
    """

    estimate: Estimate
    cuts: tuple[float, ...]


def estimate_rate_from_probabilities(
    probability: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    threshold: float = 0.5,
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> BinnedRate:
    """Estimate the pass rate that experts would give, from probabilities or from verdicts.

    Parameters
    ----------
    probability : float array, shape (N,)
        The judge's probability of a pass, NaN where it gave none.
    human : float array, shape (N,)
        1 pass, 0 fail, NaN where there is no expert label.
    threshold : float
        From which probability on the verdict is a pass; fixed before the labels were seen.
    design : {"random", "by-verdict", "curated"}
        How the labelled items were chosen; a curated draw always uses the verdicts.
    clusters : array, shape (N,), optional
        Prompt of each item.
    strata : array, shape (N,), optional
        Stratum of each item, where labels were drawn at a different rate from each; then the
        verdicts are used, since a bin would mix them.
    confidence : float
        Two-sided coverage, a fraction.

    Returns
    -------
    BinnedRate

    Raises
    ------
    ValueError, InsufficientLabels, UnusableJudge
        As :func:`calibration.estimate_rate`.
    """
    said = check_ratings("probability", probability, (0.0, 1.0))
    tail = (1.0 - check_share("confidence", confidence)) / 2.0
    verdict = np.where(np.isnan(said), np.nan, (said >= threshold).astype(np.float64))
    plain = estimate_rate(
        verdict, human, design=design, clusters=clusters, strata=strata, confidence=confidence
    )
    by_verdict = BinnedRate(estimate=plain, cuts=(threshold,))
    uneven = strata is not None and np.unique(np.asarray(strata)).size > 1
    if design == "curated" or uneven:
        return by_verdict
    drawn = read_labelled(verdict, human, scale=(0.0, 1.0), design=design, clusters=clusters)
    if not _says_more(said, drawn):
        return by_verdict
    cuts = choose_cuts(said[~drawn.missing], drawn.n_labelled, threshold=threshold)
    if cuts == (threshold,):
        return by_verdict
    bins = tuple(_strata(said, drawn, cuts))
    low, high = melded_limits(bins, tail=tail, strict=False)
    value = point_value(bins)
    estimate = replace(
        plain,
        value=value,
        low=min(low, value),
        high=max(high, value),
        method=f"post-stratified by {len(cuts) + 1} bins of the probability, mid-p melded",
    )
    return BinnedRate(estimate=estimate, cuts=cuts)


def choose_cuts(judged: FloatArray, labels: int, *, threshold: float) -> tuple[float, ...]:
    """Choose the bins whose interval would be shortest, from the judged probabilities alone.

    Parameters
    ----------
    judged : float array, shape (N,)
        Probabilities, no NaN.
    labels : int
        Number of labels.
    threshold : float
        Always one of the cuts, where items lie on both of its sides.

    Returns
    -------
    tuple of float
        Ascending; ``(threshold,)`` where nothing is expected to be gained.
    """
    ordered = np.sort(judged)
    sums = [np.concatenate([[0.0], np.cumsum(_tempered(ordered, t))]) for t in TEMPERATURES]
    plain = _widths(ordered, sums, (threshold,), labels=labels)
    best, chosen = 1.0 - LEAST_GAIN, (threshold,)
    for cuts in _candidates(ordered, threshold):
        worst = float((_widths(ordered, sums, cuts, labels=labels) / plain).max())
        if worst < best:
            best, chosen = worst, cuts
    return chosen


def _says_more(said: FloatArray, drawn: Labelled) -> bool:
    """Whether there are labels enough, and they rank with the probability within verdicts."""
    used = drawn.used & ~drawn.missing
    if used.sum() < LEAST_LABELS:
        return False
    return ranks_within(said[used], drawn.human[used], drawn.judge[used] == 1.0) <= LEVEL


def _candidates(ordered: FloatArray, threshold: float) -> Iterator[tuple[float, ...]]:
    quantiles = np.quantile(ordered, CUT_SHARES, method="closest_observation")
    places = np.unique(quantiles[(quantiles > ordered[0]) & (quantiles != threshold)])
    for extra in range(1, EXTRA_CUTS + 1):
        for cuts in combinations(places.tolist(), extra):
            yield tuple(sorted((threshold, *cuts)))


def _widths(
    ordered: FloatArray, sums: list[FloatArray], cuts: tuple[float, ...], *, labels: int
) -> FloatArray:
    """Give the expected standard error of the post-stratified rate, for each temperature.

    A stratum of n_h labels and expected rate m has about the variance of the mid-p distribution,
    m (1 - m) / (n_h + 1) with half a pass and half a fail added.
    """
    edges = np.array([0, *np.searchsorted(ordered, cuts, side="left"), ordered.size])
    sizes = np.diff(edges).astype(np.float64)
    held = sizes > 0.0
    share = sizes[held] / ordered.size
    expected = labels * share
    errors: list[float] = []
    for total in sums:
        rate = np.diff(total[edges])[held] / sizes[held]
        smoothed = (expected * rate + 0.5) / (expected + 1.0)
        errors.append(float(share**2 @ (smoothed * (1.0 - smoothed) / (expected + 1.0))) ** 0.5)
    return np.array(errors)


def _tempered(p: FloatArray, temperature: float) -> FloatArray:
    return special.expit(temperature * special.logit(np.clip(p, 1e-6, 1.0 - 1e-6)))


def _strata(said: FloatArray, drawn: Labelled, cuts: tuple[float, ...]) -> Iterator[Stratum]:
    place = np.searchsorted(np.array(cuts), said, side="right")
    for number in range(len(cuts) + 1):
        here = (place == number) & ~drawn.missing & drawn.covered
        if here.any():
            yield _stratum(drawn, here)
    for rest in (drawn.missing & drawn.covered, ~drawn.covered):
        if rest.any():
            yield _stratum(drawn, rest)


def _stratum(drawn: Labelled, among: BoolArray) -> Stratum:
    labels = drawn.effective_labels(among)
    weight = drawn.weight[among & drawn.used]
    human = drawn.human[among & drawn.used]
    rate = float(human @ weight / weight.sum()) if labels > 0.0 else 0.0
    return Stratum(
        size=float(among.sum()) / drawn.effects.items,
        passes=min(rate, 1.0) * labels,
        labels=labels,
    )
