"""The mean rating that experts would give all judged items, on a bounded scale.

N items; ratings are in the unit of the scale. The interval is chosen in
:mod:`calibration.correction.bounded_mean`, which says why.
"""

from dataclasses import replace

import numpy.typing as npt

from calibration.correction.bounded_mean import bounded_mean
from calibration.correction.chance import require_not_reversed
from calibration.correction.labelled import Labelled, draw_warnings, read_labelled
from calibration.estimate import Estimate, InsufficientLabels
from calibration.validation import Design, check_error, check_scale, check_share


def estimate_mean(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    scale: tuple[float, float] = (1, 10),
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate the mean rating that experts would give, with an interval for reports.

    Parameters
    ----------
    judge : float array, shape (N,)
        Scores on the scale, NaN where the judge gave none.
    human : float array, shape (N,)
        Expert ratings on the scale, NaN where there is none.
    scale : (float, float)
        Lowest and highest rating possible.
    design : {"random", "by-verdict"}
        How the labelled items were chosen: at random, or at random among items with the same
        score. A curated set cannot correct a mean and is refused.
    clusters, strata : array, shape (N,), optional
        Prompt and stratum of each item, as in :func:`calibration.estimate_rate`.
    confidence : float
        Two-sided coverage, a fraction.

    Returns
    -------
    Estimate
        In the unit of the scale. ``method`` names the interval, a warning says why it was chosen.

    Raises
    ------
    ValueError
        If an argument is malformed; the message names it.
    InsufficientLabels
        If there are fewer than 2 labels, or the set is curated.

    References
    ----------
    Gaffke (2005); Learned-Miller and Thomas (2020), arXiv 1905.06208, the bounded-mean interval.

    Examples
    --------
    >>> import numpy as np
    >>> judge = [9, 8, 9, 10, 7, 9, 8, 10, 9, 6]
    >>> human = [9, 7, 8, 10, np.nan, np.nan, 8, np.nan, 9, 5]
    >>> estimate = estimate_mean(judge, human)
    >>> round(estimate.value, 2), estimate.method
    (8.01, 'judge-adjusted, Gaffke, mid')
    """
    tail = (1.0 - check_share("confidence", confidence)) / 2.0
    ends = check_scale(scale)
    drawn = _read(judge, human, scale=ends, design=design, clusters=clusters, strata=strata)
    return _estimate(drawn, ends, design, tail=tail, strict=False, stratified=strata is not None)


def gate_mean(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    scale: tuple[float, float] = (1, 10),
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    error: float = 0.05,
) -> Estimate:
    """Bound the mean rating for a release decision.

    As :func:`estimate_mean`, but each limit errs with probability at most ``error`` on its own and
    is always Gaffke's strict one.

    Parameters
    ----------
    judge, human, scale, design, clusters, strata
        As in :func:`estimate_mean`.
    error : float
        Risk of each limit, a fraction below one half; ``confidence`` becomes ``1 - 2 * error``.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError, InsufficientLabels
        As in :func:`estimate_mean`.
    """
    tail = check_error(error)
    ends = check_scale(scale)
    drawn = _read(judge, human, scale=ends, design=design, clusters=clusters, strata=strata)
    return _estimate(drawn, ends, design, tail=tail, strict=True, stratified=strata is not None)


def _read(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    scale: tuple[float, float],
    design: Design,
    clusters: npt.ArrayLike | None,
    strata: npt.ArrayLike | None,
) -> Labelled:
    if design == "curated":
        raise InsufficientLabels(
            "a curated set cannot correct a mean: labels drawn at random are missing. Draw some, "
            "or ask for the rate of items at or above a threshold."
        )
    return read_labelled(judge, human, scale=scale, design=design, clusters=clusters, strata=strata)


def _estimate(
    drawn: Labelled,
    scale: tuple[float, float],
    design: Design,
    *,
    tail: float,
    strict: bool,
    stratified: bool,
) -> Estimate:
    said = draw_warnings(drawn, design, stratified=stratified)
    doubts = require_not_reversed(drawn.judge, drawn.human, tail=tail)
    estimate = bounded_mean(drawn, scale, tail=tail, strict=strict, said=[*said, *doubts])
    return replace(estimate, above_chance=not doubts)
