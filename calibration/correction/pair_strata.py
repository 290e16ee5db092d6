"""The mean difference between two systems over strata of prompts with the same pair of verdicts.

Within a stratum the experts' differences are -1, 0 or 1; Gaffke's confidence distribution of
their mean is a Dirichlet mean, as the Beta is for a single rate, and is melded in the same way.
"""

import numpy as np

from calibration.correction.labelled import Labelled
from calibration.correction.post_stratification import PRIOR
from calibration.estimate import Estimate
from calibration.intervals.gaffke import mean_distribution, mean_interval
from calibration.intervals.melding import mixed_by_size
from calibration.validation import BoolArray, FloatArray

_ENDS = (-1.0, 1.0)


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
