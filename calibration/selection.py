"""Are the labelled items like the others: in the judge's verdicts, and in what their texts show.

A random draw differs from the rest by chance alone. What differs more was chosen, and a corrected
score then speaks for items that nobody labelled. The difference is told with its interval; whether
it matters is for the reader. N items, values NaN where not known.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import InsufficientLabels
from calibration.validation import FloatArray, as_vector, check_same_length, check_share

FEWEST = 5  # items on either side
POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionDifference:
    """How a property of the labelled items differs from that of the others.

    Attributes
    ----------
    labelled, others : float
        Means; shares for a property of 0 and 1.
    difference, low, high : float
        Labelled minus others, with its interval.
    standardised : float
        The difference in standard deviations of all items.
    detectable : float
        The true difference, of either sign, that so many items would show in 80 % of draws; what is
        smaller can stay unseen.
    n_labelled, n_others : int
    """

    labelled: float
    others: float
    difference: float
    low: float
    high: float
    standardised: float
    detectable: float
    n_labelled: int
    n_others: int


def selection_difference(
    values: npt.ArrayLike, human: npt.ArrayLike, *, confidence: float = 0.95
) -> SelectionDifference:
    """Compare a property of labelled and other items.

    Use when labels are said to be drawn at random, to see by how much they are not.

    Parameters
    ----------
    values : float array, shape (N,)
        The judge's score, or a property such as the length of the text.
    human : float array, shape (N,)
        NaN where there is no label.
    confidence : float

    Returns
    -------
    SelectionDifference
        Shares by Agresti and Caffo's interval, other means by Welch's.

    Raises
    ------
    ValueError
        If the arrays do not align.
    InsufficientLabels
        If fewer than 5 items on a side have the property, or it does not vary.

    References
    ----------
    Agresti and Caffo (2000), American Statistician 54(4), 280-288; Welch (1947), Biometrika 34,
    28-35; Lachin (1981), Controlled Clinical Trials 2(2), 93-113, the detectable difference.
    """
    tail = (1.0 - check_share("confidence", confidence)) / 2.0
    given, labels = as_vector("values", values), as_vector("human", human)
    check_same_length(values=given, human=labels)
    known = ~np.isnan(given)
    mine, rest = given[known & ~np.isnan(labels)], given[known & np.isnan(labels)]
    if min(mine.size, rest.size) < FEWEST:
        raise InsufficientLabels(f"{mine.size} and {rest.size} items have the property.")
    spread = float(given[known].std())
    if spread == 0.0:
        raise InsufficientLabels("the property is the same for all items.")
    difference = float(mine.mean() - rest.mean())
    shares = bool(np.isin(given[known], (0.0, 1.0)).all())
    centre, reach = _shares(mine, rest, tail) if shares else _means(mine, rest, tail)
    return SelectionDifference(
        labelled=float(mine.mean()),
        others=float(rest.mean()),
        difference=difference,
        low=min(centre - reach, difference),
        high=max(centre + reach, difference),
        standardised=difference / spread,
        detectable=reach * (1.0 + float(special.ndtri(POWER) / special.ndtri(1.0 - tail))),
        n_labelled=mine.size,
        n_others=rest.size,
    )


def _shares(mine: FloatArray, rest: FloatArray, tail: float) -> tuple[float, float]:
    sides = [((side.sum() + 1.0) / (side.size + 2.0), side.size + 2.0) for side in (mine, rest)]
    variance = sum(share * (1.0 - share) / size for share, size in sides)
    return float(sides[0][0] - sides[1][0]), float(special.ndtri(1.0 - tail) * np.sqrt(variance))


def _means(mine: FloatArray, rest: FloatArray, tail: float) -> tuple[float, float]:
    parts = [float(side.var(ddof=1)) / side.size for side in (mine, rest)]
    total = max(sum(parts), 1e-300)
    freedom = (
        total**2
        / sum(part**2 / (side.size - 1) for part, side in zip(parts, (mine, rest), strict=True))
        if min(parts) > 0.0
        else float(min(mine.size, rest.size) - 1)
    )
    reach = float(special.stdtrit(freedom, 1.0 - tail)) * np.sqrt(total)
    return float(mine.mean() - rest.mean()), float(reach)
