"""Abstention: which items go to an expert, so that agreement on the rest reaches a level.

A certainty tells how sure the judge is of each verdict: agreement of its repeats, distance of its
score from the threshold, a panel's majority. Items under a cut go to an expert. The cut is chosen
among ten, fixed beforehand as shares of the judged items, each tested at a tenth of the risk, so
that choosing the best of them keeps the promise.

References
----------
Angelopoulos et al. (2021), Learn then Test, arXiv 2110.01052. Geifman & El-Yaniv (2017),
Selective Classification for Deep Neural Networks, NeurIPS.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.coefficients.percent import share
from calibration.estimate import Estimate, InsufficientLabels
from calibration.validation import BoolArray, FloatArray, as_vector, check_share, pair_up

CUTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class AbstentionRule:
    """Keep the judge's verdict from this certainty on.

    Attributes
    ----------
    cut : float
        Least certainty of a verdict that is kept.
    wanted : float
        Agreement that the kept verdicts must reach.
    guaranteed : float
        Lower bound of their agreement, at the confidence asked for, over all cuts tried.
    agreement : Estimate
        Agreement of the kept verdicts with the experts.
    kept_share : float
        Share of the judged items that are kept.
    """

    cut: float
    wanted: float
    guaranteed: float
    agreement: Estimate
    kept_share: float

    def to_expert(self, judge: npt.ArrayLike, certainty: npt.ArrayLike) -> BoolArray:
        """Mark the items that go to an expert: unsure verdicts, and items without a verdict.

        Parameters
        ----------
        judge, certainty : float array, shape (N,)
            NaN where there is none.
        """
        verdicts, sure = as_vector("judge", judge), as_vector("certainty", certainty)
        return np.isnan(verdicts) | ~(sure >= self.cut)


def plan_abstention(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    certainty: npt.ArrayLike,
    *,
    wanted: float = 0.9,
    confidence: float = 0.95,
) -> AbstentionRule:
    """Choose the cut that sends the fewest items to experts.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        NaN where a rating is missing; labelled items drawn at random from the judged ones.
    certainty : float array, shape (N,)
        Higher is surer; NaN counts as unsure.
    wanted : float
        Agreement with the experts that kept verdicts must reach, a fraction.
    confidence : float
        Of the promise.

    Returns
    -------
    AbstentionRule

    Raises
    ------
    ValueError
        If the arrays do not align.
    InsufficientLabels
        If no cut surely reaches the wanted agreement.
    Undefined
        If no item has both ratings.
    """
    check_share("wanted", wanted)
    check_share("confidence", confidence)
    pairs = pair_up(judge, human)
    sure = as_vector("certainty", certainty)
    if sure.shape != pairs.both.shape:
        raise ValueError(f"certainty must have one entry for each item; got {sure.size}.")
    sure = np.where(np.isnan(sure), -np.inf, sure)
    judged = sure[~np.isnan(as_vector("judge", judge))]
    agreed, surety = pairs.judge == pairs.human, sure[pairs.both]
    risk = (1.0 - confidence) / CUTS
    best = 0.0
    for cut in _cuts(judged):
        kept = surety >= cut
        m, hits = int(kept.sum()), int((agreed & kept).sum())
        bound = float(special.betaincinv(hits, m - hits + 1, risk)) if hits else 0.0
        best = max(best, bound)
        if bound >= wanted:
            return AbstentionRule(
                cut=cut,
                wanted=wanted,
                guaranteed=bound,
                agreement=share(
                    hits, m, method="agreement of kept verdicts", confidence=confidence, n_judged=m
                ),
                kept_share=float((judged >= cut).mean()),
            )
    raise InsufficientLabels(
        f"no cut surely reaches an agreement of {wanted:.0%}; the best lower bound is {best:.0%}. "
        "Label more of the surest items, or let experts rate all."
    )


def _cuts(judged: FloatArray) -> list[float]:
    """Cuts that keep all, nine tenths ... one tenth of the judged items, loosest first."""
    ordered = np.sort(judged)
    places = [int(np.floor(judged.size * step / CUTS)) for step in range(CUTS)]
    cuts = dict.fromkeys(float(ordered[place]) for place in places)
    return [cut for cut in cuts if cut > -np.inf]
