"""Everything that can be said of the agreement of one judge with the experts, in one record.

``N`` items, ``n`` with both a verdict and a label. A coefficient without a value on these ratings
has no estimate but a reason; it is never reported as 0 or 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from calibration.estimate import Estimate, InsufficientLabels, Interval, Undefined
from calibration.rater_agreement import coefficients
from calibration.rater_agreement.alpha import Level, check_level
from calibration.rater_agreement.coefficients import RatedPairs
from calibration.rater_agreement.contingency import MOST_CATEGORIES, contingency, levels_of
from calibration.validation import Pairs, check_share, pair_up

FEW = 30
LOPSIDED = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementReport:
    """How far a judge agrees with the experts.

    Attributes
    ----------
    level : {'nominal', 'ordinal', 'interval'}
        What differences between values were taken to mean.
    confidence : float
        Of every interval.
    n : int
        Items with both a verdict and a label.
    n_judged, n_unjudged : int
        Items with a verdict; labelled items without one.
    categories : tuple of float
        The levels of the table; empty for a continuous score.
    table : tuple of tuples of int
        Items by the expert's category (rows) and the judge's (columns).
    percent_bounds : Interval
        Where raw agreement would lie if every missing verdict were wrong, or right.
    estimates : mapping of str to Estimate
        Always ``percent``. From nominal level ``kappa``, ``ac1``, ``alpha``, and for two
        categories ``sensitivity`` and ``specificity``, the higher value being the positive. From
        ordinal level ``weighted_kappa`` and ``ac2`` with quadratic weights, ``spearman``,
        ``kendall``. At interval level ``icc_single``, ``icc_average``, ``bias``, ``lower_limit``,
        ``upper_limit``.
    undefined : mapping of str to str
        For each of those that has no value on these ratings, the reason.
    warnings : tuple of str
    """

    level: Level
    confidence: float
    n: int
    n_judged: int
    n_unjudged: int
    categories: tuple[float, ...]
    table: tuple[tuple[int, ...], ...]
    percent_bounds: Interval
    estimates: Mapping[str, Estimate]
    undefined: Mapping[str, str]
    warnings: tuple[str, ...]

    @property
    def percent(self) -> Estimate:
        """Share of equal ratings."""
        return self.estimates["percent"]

    @property
    def kappa(self) -> Estimate | None:
        """Cohen's kappa."""
        return self.estimates.get("kappa")

    @property
    def weighted_kappa(self) -> Estimate | None:
        """Kappa with quadratic weights."""
        return self.estimates.get("weighted_kappa")

    @property
    def ac1(self) -> Estimate | None:
        """Gwet's AC1."""
        return self.estimates.get("ac1")

    @property
    def ac2(self) -> Estimate | None:
        """Gwet's AC2 with quadratic weights."""
        return self.estimates.get("ac2")

    @property
    def alpha(self) -> Estimate | None:
        """Krippendorff's alpha at this level."""
        return self.estimates.get("alpha")

    @property
    def sensitivity(self) -> Estimate | None:
        """Share of the experts' positives that the judge calls positive."""
        return self.estimates.get("sensitivity")

    @property
    def specificity(self) -> Estimate | None:
        """Share of the experts' negatives that the judge calls negative."""
        return self.estimates.get("specificity")


def agreement(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    level: Level = "nominal",
    confidence: float = 0.95,
    categories: npt.ArrayLike | None = None,
    seed: int = 0,
) -> AgreementReport:
    """Report every coefficient of agreement that fits the level of the ratings.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        NaN where a rating is missing. For several experts, their consensus.
    level : {'nominal', 'ordinal', 'interval'}
        A level has the coefficients of those before it too, where the scale is short enough.
    confidence : float
    categories : float array, optional
        The levels of the scale; without them, the levels in use.
    seed : int
        Same input, same digits.

    Returns
    -------
    AgreementReport

    Raises
    ------
    ValueError
        If the arrays do not align, hold an infinite value, or the level is unknown.
    Undefined
        If no item has both ratings.

    Examples
    --------
    >>> report = agreement([1, 1, 0, 1, 0, 1], [1, 1, 0, 0, 0, 1])
    >>> report.table, round(report.estimates["kappa"].value, 3)
    (((2, 1), (0, 3)), 0.667)
    """
    check_share("confidence", confidence)
    check_level(level)
    pairs = pair_up(judge, human)
    levels = levels_of(pairs.judge, pairs.human, declared=categories)
    tabled = levels.size <= MOST_CATEGORIES
    counts = contingency(pairs, levels).tolist() if tabled else ()
    estimates, undefined = _attempt(
        RatedPairs(pairs=pairs, levels=levels, level=level, confidence=confidence, seed=seed)
    )
    return AgreementReport(
        level=level,
        confidence=confidence,
        n=pairs.n,
        n_judged=pairs.n_judged,
        n_unjudged=pairs.n_unjudged,
        categories=tuple(levels.tolist()) if tabled else (),
        table=tuple(tuple(row) for row in counts),
        percent_bounds=_bounds(pairs),
        estimates=MappingProxyType(estimates),
        undefined=MappingProxyType(undefined),
        warnings=_warnings(pairs),
    )


def _attempt(rated: RatedPairs) -> tuple[dict[str, Estimate], dict[str, str]]:
    estimates: dict[str, Estimate] = {}
    undefined: dict[str, str] = {}
    for each in coefficients.COEFFICIENTS:
        if each.fits(rated):
            try:
                estimates[each.name] = each.compute(rated)
            except (Undefined, InsufficientLabels) as reason:
                undefined[each.name] = str(reason)
    return estimates, undefined


def _bounds(pairs: Pairs) -> Interval:
    agreed = int((pairs.judge == pairs.human).sum())
    labelled = pairs.n + pairs.n_unjudged
    return Interval(low=agreed / labelled, high=(agreed + pairs.n_unjudged) / labelled)


def _warnings(pairs: Pairs) -> tuple[str, ...]:
    found: list[str] = []
    if pairs.n < FEW:
        found.append(f"only {pairs.n} items have both ratings; every interval is rough.")
    if pairs.n_unjudged:
        found.append(
            f"{pairs.n_unjudged} labelled items have no verdict of the judge and are left out; "
            "percent_bounds shows what they could change."
        )
    for name, ratings in (("judge", pairs.judge), ("expert", pairs.human)):
        values, times = np.unique(ratings, return_counts=True)
        top = times.argmax()
        if values.size == 1:
            found.append(f"the {name} gives {values[0]:g} to every item.")
        elif times[top] > LOPSIDED * pairs.n:
            found.append(
                f"the {name} gives {values[top]:g} to {times[top] / pairs.n:.0%} of the items, "
                "which alone pulls kappa and alpha down; read AC1 beside them."
            )
    return tuple(found)
