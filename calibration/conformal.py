"""Conformal interval for a single item: where would the expert's rating of it lie.

The errors of the judge on labelled items of the same group bound its error on the next one. The
promise holds for any judge and any distribution, over items of the group together and not for
each item apart, as long as the labelled items and the next one are drawn alike.

``n`` labelled items of a group, ``alpha`` the risk; either side gets half of it.

References
----------
Vovk, Gammerman & Shafer (2005), Algorithmic Learning in a Random World, chapters 2 and 4 (split
and Mondrian conformal prediction). Linusson, Johansson & Lofstrom (2014), PAKDD, 224-236 (signed
errors). Boundaries of ordinal scales: arXiv 2509.18658.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import Estimate, InsufficientLabels, Undefined, counted
from calibration.rater_agreement.nominal import share
from calibration.validation import (
    BoolArray,
    FloatArray,
    as_vector,
    check_scale,
    check_share,
    pair_up,
)

EVERYTHING = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBand:
    """Errors to reckon with in one group.

    Attributes
    ----------
    below, above : float
        Expert minus judge, lower and upper conformal quantile, in the unit of the scale.
    n : int
        Labelled items behind them.
    """

    below: float
    above: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemInterval:
    """Where the expert's rating of one item lies; both ends belong to it.

    Attributes
    ----------
    low, high : float
    levels : tuple of float
        The levels of the scale inside, of which there is always one; empty where the scale was
        declared without levels.
    """

    low: float
    high: float
    levels: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConformalBands:
    """What is needed to bound single items.

    Attributes
    ----------
    bands : mapping of str to ErrorBand
        By group; ``"all"`` where no groups were given.
    refused : mapping of str to str
        Groups that have too few labels, with the reason.
    scale : (float, float)
    levels : tuple of float
        Empty for a continuous scale.
    confidence : float
    """

    bands: Mapping[str, ErrorBand]
    refused: Mapping[str, str]
    scale: tuple[float, float]
    levels: tuple[float, ...]
    confidence: float

    def around(self, verdict: float, group: str = EVERYTHING) -> ItemInterval:
        """Bound the expert's rating of an item by the judge's verdict on it.

        Raises
        ------
        ValueError
            If the verdict is missing or outside the scale.
        InsufficientLabels
            If the group has no band.
        """
        low_end, high_end = self.scale
        if not low_end <= verdict <= high_end:
            raise ValueError(f"verdict must lie in {low_end:g} to {high_end:g}; got {verdict}.")
        if group not in self.bands:
            reason = self.refused.get(group, "no labelled item belongs to it.")
            raise InsufficientLabels(f"no interval for group {group!r}: {reason}")
        band = self.bands[group]
        low = min(max(verdict + band.below, low_end), high_end)
        high = max(min(verdict + band.above, high_end), low_end)
        if not self.levels:
            return ItemInterval(low=low, high=high, levels=())
        return _on_levels(low, high, self.levels)


def conformal_bands(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    scale: tuple[float, float],
    levels: Sequence[float] = (),
    groups: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> ConformalBands:
    """Measure how far experts lie from the judge, group by group.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        NaN where a rating is missing; the labelled items drawn at random within each group.
    scale : (float, float)
        Lowest and highest rating.
    levels : sequence of float
        The ratings that exist; empty for a continuous scale.
    groups : str array, shape (N,), optional
        Scenario or domain of each item; the promise then holds inside each.
    confidence : float
        Share of items whose expert rating the interval holds.

    Returns
    -------
    ConformalBands

    Raises
    ------
    ValueError
        If the arrays do not align or a rating lies outside the scale.
    InsufficientLabels
        If no group has the labels that it needs: 39 for 95 %.
    Undefined
        If no item has both ratings, or all errors of a group are equal on a continuous scale.
    """
    alpha = 1.0 - check_share("confidence", confidence)
    ends = check_scale(scale)
    pairs = pair_up(judge, human)
    for ratings in (pairs.judge, pairs.human):
        if ratings.min() < ends[0] or ratings.max() > ends[1]:
            raise ValueError(f"ratings must lie in {ends[0]:g} to {ends[1]:g}.")
    names = np.full(pairs.both.shape, EVERYTHING) if groups is None else np.asarray(groups)
    if names.shape != pairs.both.shape:
        raise ValueError(f"groups must name a group for each item; got shape {names.shape}.")
    errors, inside = pairs.human - pairs.judge, names[pairs.both].astype(np.str_)
    bands: dict[str, ErrorBand] = {}
    refused: dict[str, str] = {}
    for name in np.unique(inside).tolist():
        try:
            bands[name] = _band(errors[inside == name], alpha, continuous=not levels)
        except InsufficientLabels as reason:
            refused[name] = str(reason)
    if not bands:
        raise InsufficientLabels("; ".join(f"{name}: {why}" for name, why in refused.items()))
    return ConformalBands(
        bands=MappingProxyType(bands),
        refused=MappingProxyType(refused),
        scale=ends,
        levels=tuple(sorted(float(level) for level in levels)),
        confidence=confidence,
    )


def _band(errors: FloatArray, alpha: float, *, continuous: bool) -> ErrorBand:
    n = errors.size
    rank = math.floor((n + 1) * alpha / 2.0 + 1e-9)
    if rank < 1:
        needed = math.ceil(2.0 / alpha - 1.0 - 1e-9)
        raise InsufficientLabels(f"{counted(n, 'label')} where {needed} are needed.")
    ordered = np.sort(errors)
    below, above = float(ordered[rank - 1]), float(ordered[n - rank])
    if continuous and below == above:
        raise Undefined("all errors are equal, which leaves the interval no width.")
    return ErrorBand(below=below, above=above, n=n)


def _on_levels(low: float, high: float, levels: Sequence[float]) -> ItemInterval:
    inside = tuple(level for level in levels if low - 1e-9 <= level <= high + 1e-9)
    if not inside:
        # The band falls between two levels: both are as near as a level can be.
        lower = max((level for level in levels if level < low), default=levels[0])
        upper = min((level for level in levels if level > high), default=levels[-1])
        inside = tuple(dict.fromkeys((lower, upper)))
    return ItemInterval(low=inside[0], high=inside[-1], levels=inside)


# Abstention: which items go to an expert, so that agreement on the rest reaches a level.
#
# A certainty tells how sure the judge is of each verdict: agreement of its repeats, distance of
# its score from the threshold, a panel's majority. Items under a cut go to an expert. The cut
# is chosen among ten, fixed beforehand as shares of the judged items, each tested at a tenth of
# the risk, so that choosing the best of them keeps the promise.
#
# References ---------- Angelopoulos et al. (2021), Learn then Test, arXiv 2110.01052. Geifman &
# El-Yaniv (2017), Selective Classification for Deep Neural Networks, NeurIPS.

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
