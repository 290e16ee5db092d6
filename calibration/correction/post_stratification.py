"""The mean rate over strata whose own rates are known from a few labels each.

A stratum without labels counts as anything between no pass and all passes.
"""

from dataclasses import dataclass

import numpy as np

from calibration.correction.labelled import Labelled
from calibration.intervals.melding import Form, Lattice, mixed_by_size, rate_distribution
from calibration.validation import BoolArray

PRIOR = 0.5  # Jeffreys' half item for each stratum, so that none has a share of exactly 0


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
