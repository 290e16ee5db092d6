"""The mean over strata of items whose own means are known from a few labels each.

For a pass rate, strata are the judge's verdicts, and a rate has a Beta confidence distribution. For
the difference of two systems, they are the pairs of verdicts on a prompt: the experts' differences
are -1, 0 or 1, and Gaffke's distribution of their mean is a Dirichlet mean, melded in the same way.
A stratum without labels counts as anything between the ends of the scale.
"""

from dataclasses import dataclass

import numpy as np

from calibration.correction.labelled import Labelled
from calibration.estimate import Estimate
from calibration.intervals.gaffke import mean_distribution, mean_interval
from calibration.intervals.melding import Form, Lattice, mixed_by_size, rate_distribution
from calibration.validation import BoolArray, FloatArray

PRIOR = 0.5  # Jeffreys' half item for each stratum, so that none has a share of exactly 0

_ENDS = (-1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Items alike in the judge's verdict: how many, and what the labels among them say.

    Attributes
    ----------
    size : float
        Effective number of items.
    passes, labels : float
        Effective counts of labels; both 0 where there is none.
    """

    size: float
    passes: float
    labels: float


def verdict_strata(labelled: Labelled) -> tuple[Stratum, ...]:
    """Split binary judged items by verdict: pass, fail, none, and those that no label covers."""
    judge, covered = labelled.judge, labelled.covered
    verdicts = (judge == 1.0) & covered, (judge == 0.0) & covered
    others = [among for among in (labelled.missing & covered, ~covered) if among.any()]
    return tuple(_stratum(labelled, among) for among in (*verdicts, *others))


def point_value(strata: tuple[Stratum, ...]) -> float:
    """Mean rate at the observed counts; one half is put where nothing is known."""
    sizes = np.array([stratum.size for stratum in strata])
    rates = [one.passes / one.labels if one.labels > 0.0 else 0.5 for one in strata]
    return float(np.clip(sizes @ np.array(rates) / sizes.sum(), 0.0, 1.0))


def melded_limits(strata: tuple[Stratum, ...], *, tail: float, strict: bool) -> tuple[float, float]:
    """Limits of the mean rate over independent strata.

    Parameters
    ----------
    strata : tuple of Stratum
        At least one.
    tail : float
        Probability beyond each limit.
    strict : bool
        Whether each limit comes from its own one-sided distribution; else both from the mid-p.

    Returns
    -------
    (float, float)
        Fractions, lower limit first.
    """
    low = _melded(strata, "lower" if strict else "mid")
    high = _melded(strata, "upper") if strict else low
    return max(low.quantile(tail), 0.0), min(high.quantile(1.0 - tail), 1.0)


def _melded(strata: tuple[Stratum, ...], form: Form) -> Lattice:
    rates = [rate_distribution(one.passes, one.labels, form) for one in strata]
    return mixed_by_size(rates, [one.size + PRIOR for one in strata])


def _stratum(labelled: Labelled, among: BoolArray) -> Stratum:
    labels = labelled.effective_labels(among)
    here = among & labelled.used
    weight = labelled.weight[here]
    rate = float(labelled.human[here] @ weight / weight.sum()) if labels > 0.0 else 0.0
    return Stratum(
        size=float(among.sum()) / labelled.effects.items,
        passes=min(rate, 1.0) * labels,
        labels=labels,
    )


def melded_difference(
    drawn: Labelled, verdicts: FloatArray, *, tail: float, said: list[str]
) -> Estimate:
    """Estimate the difference of two pass rates, with the mid-p melded interval for reports.

    Parameters
    ----------
    drawn : Labelled
        Differences of the judge and of the experts, each -1, 0, 1 or NaN.
    verdicts : float array, shape (N,)
        Number of each prompt's pair of verdicts, NaN where one is missing.
    tail : float
        Probability beyond each limit.
    said : list of str
        Warnings.

    Returns
    -------
    Estimate
    """
    strata = _strata(drawn, verdicts)
    sizes = np.array([float(among.sum()) for among in strata])
    rates = [
        mean_distribution(drawn.human[here], _weights(drawn, here), _ENDS)
        for here in (among & drawn.used for among in strata)
    ]
    means = [_mean(drawn, among & drawn.used) for among in strata]
    value = float(np.clip(sizes @ np.array(means) / sizes.sum(), -1.0, 1.0))
    lattice = mixed_by_size(rates, list(sizes / drawn.effects.items + PRIOR))
    weights = _weights(drawn, drawn.used)
    return Estimate(
        value=value,
        low=min(max(lattice.quantile(tail), -1.0), value),
        high=max(min(lattice.quantile(1.0 - tail), 1.0), value),
        confidence=1.0 - 2.0 * tail,
        method="post-stratified by pair of verdicts, mid-p melded",
        n_judged=drawn.n_judged,
        n_labelled=drawn.n_labelled,
        human_only=mean_interval(drawn.human[drawn.used], weights, _ENDS, tail=tail),
        warnings=tuple(said),
    )


def _strata(drawn: Labelled, verdicts: FloatArray) -> list[BoolArray]:
    pairs = np.unique(verdicts[~np.isnan(verdicts)])
    masks = [(verdicts == pair) & drawn.covered for pair in pairs]
    masks += [drawn.missing & drawn.covered, ~drawn.covered]
    return [mask for mask in masks if mask.any()]


def _weights(drawn: Labelled, here: BoolArray) -> FloatArray:
    weight = drawn.weight[here]
    return weight * drawn.effective_labels(here) / weight.sum() if weight.size else weight


def _mean(drawn: Labelled, here: BoolArray) -> float:
    weight = drawn.weight[here]
    return float(drawn.human[here] @ weight / weight.sum()) if weight.size else 0.0
