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

from calibration.estimate import InsufficientLabels, Undefined
from calibration.validation import FloatArray, check_scale, check_share, pair_up

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
        raise InsufficientLabels(f"{n} labels where {needed} are needed.")
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
