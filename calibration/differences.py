"""The difference between two systems that answered the same prompts, by experts' ratings.

A judge may favour one of the systems, so the experts' own differences, prompt by prompt, correct
it. For pass and fail, prompts are post-stratified by the judge's pair of verdicts and the experts'
differences in the strata are melded; on longer scales the judge's difference adjusts the
experts'. N prompts; a difference is the first system minus the second.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.correction.bounded_mean import bounded_mean
from calibration.correction.chance import require_not_reversed
from calibration.correction.labelled import draw_cells, draw_warnings, weigh_labels
from calibration.correction.post_stratification import melded_difference
from calibration.correction.rogan_gladen import GoldSet, curated_difference
from calibration.estimate import Estimate, InsufficientLabels
from calibration.validation import (
    Design,
    FloatArray,
    check_codes,
    check_design,
    check_error,
    check_ratings,
    check_same_length,
    check_scale,
    check_share,
    is_binary,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """Verdicts and labels of one system, shape (N,), NaN where missing."""

    judge: FloatArray
    human: FloatArray


def estimate_difference(  # noqa: PLR0913, PLR0917 - the public contract's signature
    judge_a: npt.ArrayLike,
    human_a: npt.ArrayLike,
    judge_b: npt.ArrayLike,
    human_b: npt.ArrayLike,
    *,
    scale: tuple[float, float] = (0, 1),
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate how much higher experts would rate system A than system B, for reports.

    Parameters
    ----------
    judge_a, judge_b : float array, shape (N,)
        Verdicts on the answers of A and B to the same prompts, in the same order; NaN for none.
    human_a, human_b : float array, shape (N,)
        Expert ratings of the same answers, NaN for none. A prompt counts as labelled where both
        answers are.
    scale : (float, float)
        Lowest and highest rating possible; (0, 1) with nothing between means fail and pass.
    design : {"random", "by-verdict", "curated"}
        How the labelled prompts were chosen: at random, at random among prompts with the same pair
        of verdicts, or by hand (only for fail and pass).
    clusters : array, shape (N,), optional
        Cluster of each prompt, for example its source, where prompts are near copies.
    confidence : float
        Two-sided coverage, a fraction.

    Returns
    -------
    Estimate
        A minus B, in the unit of the scale. ``human_only`` is Gaffke's or Student's interval for
        the experts' differences.

    Raises
    ------
    ValueError
        If an argument is malformed; the message names it.
    InsufficientLabels
        If fewer than 2 prompts are labelled for both, or a curated set has under 5 of a class.
    UnusableJudge
        If the labels of one system show a judge below chance.

    Examples
    --------
    >>> import numpy as np
    >>> judge_a, judge_b = np.tile([1.0, 1, 1, 0], 25), np.tile([1.0, 1, 0, 0], 25)
    >>> human_a, human_b = np.where(np.arange(100) < 40, [judge_a, judge_b], np.nan)
    >>> estimate = estimate_difference(judge_a, human_a, judge_b, human_b)
    >>> round(estimate.value, 2), estimate.low > 0
    (0.25, True)
    """
    tail = (1.0 - check_share("confidence", confidence)) / 2.0
    pair = _read(judge_a, human_a, judge_b, human_b, scale=check_scale(scale))
    return _estimate(pair, check_scale(scale), design, clusters=clusters, tail=tail, strict=False)


def gate_difference(  # noqa: PLR0913, PLR0917 - as estimate_difference
    judge_a: npt.ArrayLike,
    human_a: npt.ArrayLike,
    judge_b: npt.ArrayLike,
    human_b: npt.ArrayLike,
    *,
    scale: tuple[float, float] = (0, 1),
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    error: float = 0.05,
) -> Estimate:
    """Bound the difference for a release decision.

    As :func:`estimate_difference`, but each limit errs with probability at most ``error`` on its
    own: the first system is not worse by ``margin`` or more where ``low > -margin``. The limits
    are Gaffke's strict ones for the judge-adjusted differences, on any scale.

    Parameters
    ----------
    judge_a, human_a, judge_b, human_b, scale, design, clusters
        As in :func:`estimate_difference`.
    error : float
        Risk of each limit, a fraction below one half; ``confidence`` becomes ``1 - 2 * error``.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError, InsufficientLabels, UnusableJudge
        As in :func:`estimate_difference`.
    """
    tail = check_error(error)
    pair = _read(judge_a, human_a, judge_b, human_b, scale=check_scale(scale))
    return _estimate(pair, check_scale(scale), design, clusters=clusters, tail=tail, strict=True)


def _read(  # noqa: PLR0917 - in the order of the public functions
    judge_a: npt.ArrayLike,
    human_a: npt.ArrayLike,
    judge_b: npt.ArrayLike,
    human_b: npt.ArrayLike,
    *,
    scale: tuple[float, float],
) -> tuple[System, System]:
    given = {"judge_a": judge_a, "human_a": human_a, "judge_b": judge_b, "human_b": human_b}
    arrays = {name: check_ratings(name, ratings, scale) for name, ratings in given.items()}
    check_same_length(**arrays)
    return (
        System(judge=arrays["judge_a"], human=arrays["human_a"]),
        System(judge=arrays["judge_b"], human=arrays["human_b"]),
    )


def _estimate(
    pair: tuple[System, System],
    scale: tuple[float, float],
    design: Design,
    *,
    clusters: npt.ArrayLike | None,
    tail: float,
    strict: bool,
) -> Estimate:
    check_design(design)
    first, second = pair
    prompts = check_codes("clusters", clusters, first.judge.size)
    binary = scale == (0.0, 1.0) and all(is_binary(x.judge) and is_binary(x.human) for x in pair)
    if design == "curated":
        return _curated(
            pair, binary=binary, clustered=prompts is not None, tail=tail, strict=strict
        )
    verdicts = _pair_codes(first.judge, second.judge)
    drawn = weigh_labels(
        first.judge - second.judge,
        first.human - second.human,
        cells=draw_cells(verdicts, None, design),
        prompts=prompts,
    )
    said = draw_warnings(drawn, design)
    for system, name in zip(pair, ("A", "B"), strict=True):
        said.extend(require_not_reversed(system.judge, system.human, tail=tail, of=f" of {name}"))
    said.extend(_half_labelled(pair))
    if binary and not strict:
        return melded_difference(drawn, verdicts, tail=tail, said=said)
    width = scale[1] - scale[0]
    return bounded_mean(drawn, (-width, width), tail=tail, strict=strict, said=said)


def _curated(
    pair: tuple[System, System], *, binary: bool, clustered: bool, tail: float, strict: bool
) -> Estimate:
    if not binary:
        raise InsufficientLabels(
            "a curated set cannot correct a mean difference: labels drawn at random are missing."
        )
    if clustered:
        raise ValueError("clusters have no meaning for a curated difference; leave them out.")
    judges = pair[0].judge, pair[1].judge
    golds = tuple(_gold(system) for system in pair)
    return curated_difference(judges, (golds[0], golds[1]), tail=tail, strict=strict)


def _gold(system: System) -> GoldSet:
    used = ~np.isnan(system.human)
    return GoldSet(judge=system.judge[used], human=system.human[used])


def _pair_codes(judge_a: FloatArray, judge_b: FloatArray) -> FloatArray:
    """Give each pair of verdicts a number; NaN where one is missing."""
    missing = np.isnan(judge_a) | np.isnan(judge_b)
    pairs = np.stack([np.where(missing, 0.0, judge_a), np.where(missing, 0.0, judge_b)])
    codes = np.unique(pairs, axis=1, return_inverse=True)[1].astype(np.float64).ravel()
    return np.where(missing, np.nan, codes)


def _half_labelled(pair: tuple[System, System]) -> list[str]:
    half = int((np.isnan(pair[0].human) != np.isnan(pair[1].human)).sum())
    return [f"{half} prompts have a label for one system only; they are left out."] if half else []
