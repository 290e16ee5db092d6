"""Choose the items that experts should label, and record how likely each was to be chosen.

Items fall into cells, strata times verdicts; within a cell every item has the same chance. N
items, n to be chosen; H groups to share labels out over.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from calibration.labelled_sample import MOST_LEVELS
from calibration.validation import (
    FloatArray,
    IntArray,
    check_codes,
    check_ratings,
    check_same_length,
    is_binary,
)

SamplingDesign: TypeAlias = Literal["random", "by-verdict", "neyman"]

SAMPLING_DESIGNS: Final = ("random", "by-verdict", "neyman")
_BINS = 5
_PASS_SPREAD = 0.17  # standard deviation of labels of which 97 % are passes
_OPEN_SPREAD = 0.5  # and of labels that nothing is known of
LEAST = 5


@dataclass(frozen=True, slots=True)
class Draw:
    """Chosen items and how likely each was to be chosen.

    Attributes
    ----------
    indices : int array, shape (n,)
        Positions of the chosen items, ascending.
    probabilities : float array, shape (n,)
        Inclusion probability of each chosen item, in (0, 1].
    cells : int array, shape (N,)
        Cell of every item, inside which the draw was at random. As ``strata`` of an estimate with
        ``design="random"`` they make it right for any of the three designs.
    """

    indices: IntArray
    probabilities: FloatArray
    cells: IntArray


def draw(
    judge: npt.ArrayLike,
    n: int,
    *,
    rng: np.random.Generator,
    design: SamplingDesign = "random",
    strata: npt.ArrayLike | None = None,
    spread: npt.ArrayLike | None = None,
) -> Draw:
    """Choose items to label.

    Parameters
    ----------
    judge : float array, shape (N,)
        Verdicts or scores, NaN for none.
    n : int
        Number of items to choose, 1 to N.
    rng : numpy.random.Generator
        Source of chance; the same state gives the same draw.
    design : {"random", "by-verdict", "neyman"}
        ``"random"`` shares the labels out over the strata in proportion to size; ``"by-verdict"``
        gives each verdict within a stratum the same number, which finds errors but rarely shortens
        the interval; ``"neyman"`` gives more to cells whose labels are expected to vary. Scores
        with more than 12 levels are cut into fifths first.
    strata : array, shape (N,), optional
        Group of each item, for example its scenario.
    spread : float array, shape (N,), optional
        For ``"neyman"``: expected standard deviation of the label, given what is known of the
        item. By default .17 where a pass-or-fail judge passes and .5 elsewhere; on longer scales
        the same for all.

    Returns
    -------
    Draw

    Raises
    ------
    ValueError
        If an argument is malformed; the message names it.

    Examples
    --------
    >>> chosen = draw([1, 1, 0, 1, 0, 1], 2, design="by-verdict", rng=np.random.default_rng(0))
    >>> sorted(chosen.probabilities.tolist())
    [0.25, 0.5]
    """
    verdicts = check_ratings("judge", judge, (-np.finfo(np.float64).max, np.finfo(np.float64).max))
    if design not in SAMPLING_DESIGNS:
        raise ValueError(f"design must be one of {', '.join(SAMPLING_DESIGNS)}; got {design!r}.")
    if not 1 <= n <= verdicts.size:
        raise ValueError(f"n must be 1 to {verdicts.size}, the number of items; got {n}.")
    groups = check_codes("strata", strata, verdicts.size)
    if groups is None:
        groups = np.zeros(verdicts.size, dtype=np.intp)
    cells = groups if design == "random" else _split_by_verdict(groups, verdicts)
    counts = _counts(n, cells, groups, spreads=_spreads(verdicts, spread), design=design)
    indices = np.sort(np.concatenate(_pick(cells, counts, rng)))
    chance = counts / np.bincount(cells)
    return Draw(indices=indices, probabilities=chance[cells[indices]], cells=cells)


def _split_by_verdict(groups: IntArray, judge: FloatArray) -> IntArray:
    missing = np.isnan(judge)
    given = judge[~missing]
    level = judge
    if np.unique(given).size > MOST_LEVELS:
        cuts = np.quantile(given, np.arange(1, _BINS) / _BINS)
        level = np.searchsorted(cuts, judge).astype(np.float64)
    verdict = np.unique(np.where(missing, np.inf, level), return_inverse=True)[1].astype(np.intp)
    pairs = groups * (int(verdict.max()) + 1) + verdict
    return np.unique(pairs, return_inverse=True)[1].astype(np.intp)


def _spreads(judge: FloatArray, spread: npt.ArrayLike | None) -> FloatArray:
    if spread is not None:
        given = check_ratings("spread", spread, (0.0, np.finfo(np.float64).max))
        check_same_length(judge=judge, spread=given)
        if bool(np.isnan(given).any()):
            raise ValueError("spread must be given for every item; got NaN.")
        return given
    if not is_binary(judge):
        return np.ones(judge.size)
    return np.where(judge == 1.0, _PASS_SPREAD, _OPEN_SPREAD)


def _counts(
    n: int, cells: IntArray, groups: IntArray, *, spreads: FloatArray, design: SamplingDesign
) -> IntArray:
    sizes = np.bincount(cells)
    if design == "neyman":
        return allocate(n, sizes, np.bincount(cells, weights=spreads) / sizes, least=LEAST)
    if design == "random":
        return share_out(n, sizes.astype(np.float64), sizes)
    home = groups[np.unique(cells, return_index=True)[1]]
    return share_out(n, (np.bincount(groups) / np.bincount(home))[home], sizes)


def _pick(cells: IntArray, counts: IntArray, rng: np.random.Generator) -> list[IntArray]:
    return [
        rng.choice(np.flatnonzero(cells == cell), size=count, replace=False)
        for cell, count in enumerate(counts.tolist())
    ]


def allocate(n: int, sizes: IntArray, spreads: FloatArray, *, least: int = LEAST) -> IntArray:
    """Share labels out: half in proportion to size, half to size times spread.

    Parameters
    ----------
    n : int
        Number of labels, at most the number of items.
    sizes : int array, shape (H,)
        Items in each group.
    spreads : float array, shape (H,)
        Expected standard deviation of the labels in each group, >= 0.
    least : int
        Labels that every group gets first, as far as it has items and there are labels.

    Returns
    -------
    int array, shape (H,)
        Adds up to n; none above its group's size.

    References
    ----------
    Neyman (1934), J. R. Stat. Soc. 97(4), 558-625, allocation in proportion to size times spread.

    Examples
    --------
    >>> allocate(100, np.array([900, 100]), np.array([0.1, 0.5])).tolist()
    [77, 23]
    """
    ceilings = np.minimum(sizes, least)
    floor = share_out(min(n, int(ceilings.sum())), np.ones(sizes.size), ceilings)
    weights = sizes / sizes.sum()
    spread = sizes * spreads
    if float(spread.sum()) > 0.0:
        weights = 0.5 * weights + 0.5 * spread / spread.sum()
    return share_out(n, weights, sizes, start=floor)


def share_out(
    n: int, weights: FloatArray, ceilings: IntArray, *, start: IntArray | None = None
) -> IntArray:
    """Share n out in proportion to weights, one by one, to whoever is furthest behind.

    Parameters
    ----------
    n : int
        Total, at most the sum of the ceilings.
    weights : float array, shape (H,)
        What the shares should be in proportion to, > 0.
    ceilings : int array, shape (H,)
        Largest share of each.
    start : int array, shape (H,), optional
        Shares given already; they count towards n.

    Returns
    -------
    int array, shape (H,)

    References
    ----------
    Sainte-Laguë (1910), the method of odd divisors.
    """
    shares = np.zeros_like(ceilings) if start is None else start.copy()
    for _ in range(n - int(shares.sum())):
        claim = np.where(shares < ceilings, weights / (shares + 0.5), -1.0)
        shares[int(claim.argmax())] += 1
    return shares
