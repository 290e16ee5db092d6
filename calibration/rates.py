"""The share that experts would pass of all judged items, from the judge and some labels.

Labels drawn at random, or at random by verdict, correct the judge by post-stratification: the
rate is the mean, over the judge's verdicts, of the experts' pass rate among items with that
verdict. Its limits meld the confidence distributions of those rates. N items; rates are
fractions. Estimates are of the rate in the population that the items came from.
"""

import numpy.typing as npt

from calibration.correction.chance import require_above_chance
from calibration.correction.labelled import Labelled, draw_warnings, read_labelled
from calibration.correction.post_stratification import (
    Stratum,
    melded_limits,
    point_value,
    verdict_strata,
)
from calibration.correction.rogan_gladen import GoldSet, corrected_rate
from calibration.estimate import Estimate, Interval
from calibration.intervals.classical import clopper_pearson
from calibration.validation import Design, check_binary, check_error, check_share


def estimate_rate(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate the pass rate that experts would give, with an interval for reports.

    Parameters
    ----------
    judge : float array, shape (N,)
        1 pass, 0 fail, NaN where the judge gave no verdict.
    human : float array, shape (N,)
        1 pass, 0 fail, NaN where there is no expert label.
    design : {"random", "by-verdict", "curated"}
        How the labelled items were chosen: at random, at random among items with the same verdict,
        or by hand with an eye on the truth. The N items are the set whose rate is asked, whatever
        the design; for a gold set kept apart see :func:`calibration.curated_rate`.
    clusters : array, shape (N,), optional
        Prompt of each item, where several answers to one prompt are among the items.
    strata : array, shape (N,), optional
        Stratum of each item, where labels were drawn at a different rate from each.
    confidence : float
        Two-sided coverage, a fraction.

    Returns
    -------
    Estimate
        ``human_only`` is Clopper-Pearson on the labels, weighted as they were drawn; after a
        curated draw it is 0 to 1.

    Raises
    ------
    ValueError
        If an argument is malformed; the message names it.
    InsufficientLabels
        If there are fewer than 2 labels, or a curated set has under 5 of a class.
    UnusableJudge
        If the labels show a judge below chance, or a curated set does not show one above it.

    References
    ----------
    Bayer, Fay and Graubard (2023), arXiv 2205.13494, melded limits of a prevalence.
    Hofer et al. (2024), arXiv 2405.06034, the chain-rule estimate.

    Examples
    --------
    >>> import numpy as np
    >>> judge = np.repeat([1.0, 0.0], [80, 20])
    >>> human = np.full(100, np.nan)
    >>> human[[0, 1, 2, 3, 4, 5, 6, 7, 80, 81]] = [1, 1, 1, 1, 1, 1, 1, 0, 0, 1]
    >>> estimate = estimate_rate(judge, human)
    >>> round(estimate.value, 3), round(estimate.low, 2), round(estimate.high, 2)
    (0.8, 0.49, 0.96)
    """
    tail = (1.0 - check_share("confidence", confidence)) / 2.0
    drawn = _read(judge, human, design=design, clusters=clusters, strata=strata)
    return _estimate(drawn, design, tail=tail, strict=False, stratified=strata is not None)


def gate_rate(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    error: float = 0.05,
) -> Estimate:
    """Bound the pass rate for a release decision.

    As :func:`estimate_rate`, but each limit errs with probability at most ``error`` on its own:
    compare ``low`` with the lowest rate that may be released. Its limits are strict, where
    those for reports are close to nominal.

    Parameters
    ----------
    judge, human, design, clusters, strata
        As in :func:`estimate_rate`.
    error : float
        Risk of each limit, a fraction below one half; ``confidence`` becomes ``1 - 2 * error``.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError, InsufficientLabels, UnusableJudge
        As in :func:`estimate_rate`.
    """
    tail = check_error(error)
    drawn = _read(judge, human, design=design, clusters=clusters, strata=strata)
    return _estimate(drawn, design, tail=tail, strict=True, stratified=strata is not None)


def _read(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    design: Design,
    clusters: npt.ArrayLike | None,
    strata: npt.ArrayLike | None,
) -> Labelled:
    if design == "curated" and strata is not None:
        raise ValueError("strata have no meaning for a curated set; leave them out.")
    drawn = read_labelled(
        judge, human, scale=(0.0, 1.0), design=design, clusters=clusters, strata=strata
    )
    check_binary("judge", drawn.judge)
    check_binary("human", drawn.human)
    return drawn


def _estimate(
    drawn: Labelled, design: Design, *, tail: float, strict: bool, stratified: bool
) -> Estimate:
    said = draw_warnings(drawn, design, stratified=stratified)
    if design == "curated":
        gold = GoldSet(judge=drawn.judge[drawn.used], human=drawn.human[drawn.used])
        return corrected_rate(
            drawn.judge, gold, effects=drawn.effects, tail=tail, strict=strict, said=said
        )
    strata = verdict_strata(drawn)
    doubts = _doubts(drawn, strata, tail=tail)
    low, high = melded_limits(strata, tail=tail, strict=strict)
    value = point_value(strata)
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        confidence=1.0 - 2.0 * tail,
        method="post-stratified by verdict, " + ("melded" if strict else "mid-p melded"),
        n_judged=drawn.n_judged,
        n_labelled=drawn.n_labelled,
        human_only=_labels_alone(drawn, tail),
        above_chance=not doubts,
        warnings=(*said, *doubts),
    )


def _doubts(drawn: Labelled, strata: tuple[Stratum, ...], *, tail: float) -> tuple[str, ...]:
    """Say why the labels do not show a judge better than chance; nothing where they do."""
    passed, failed = strata[0], strata[1]
    if min(passed.labels, failed.labels) == 0.0:
        return (_one_verdict_warning(drawn),)
    counts = (passed.passes, passed.labels), (failed.passes, failed.labels)
    return require_above_chance(*counts, tail=tail)


def _labels_alone(drawn: Labelled, tail: float) -> Interval:
    """Clopper-Pearson on the labels; items that no label covers are counted both ways."""
    labels = drawn.effective_labels(drawn.used)
    rate = float(drawn.human[drawn.used] @ drawn.weight[drawn.used] / drawn.weight.sum())
    alone = clopper_pearson(min(rate, 1.0) * labels, labels, tail=tail)
    known = float(drawn.covered.mean())
    return Interval(known * alone.low, known * alone.high + 1.0 - known)


def _one_verdict_warning(drawn: Labelled) -> str:
    unlabelled_passes = not bool(((drawn.judge == 1.0) & drawn.used).any())
    verdict, name = (1.0, "passes") if unlabelled_passes else (0.0, "fails")
    share = float((drawn.judge == verdict).mean())
    if share == 0.0:
        return f"The judge {name} no item, so it adds nothing to the labels."
    return (
        f"No item that the judge {name} has a label; these {share:.1%} of the items are carried as "
        "unknown."
    )
