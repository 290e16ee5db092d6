"""The share that experts would pass of all judged items, from the judge and some labels.

Labels drawn at random, or at random by verdict, correct the judge by post-stratification: the
rate is the mean, over the judge's verdicts, of the experts' pass rate among items with that
verdict. Its limits meld the confidence distributions of those rates. N items; rates are
fractions. Estimates are of the rate in the population that the items came from, or of these items
alone where a finite population is asked for.
"""

from dataclasses import replace

import numpy.typing as npt

from calibration.bounded_mean import bounded_mean
from calibration.estimate import Aim, Estimate, InsufficientLabels
from calibration.labelled_sample import (
    Labelled,
    draw_warnings,
    read_labelled,
    require_above_chance,
    require_not_reversed,
)
from calibration.post_stratification import (
    counts_of,
    labels_alone,
    melded_limits,
    point_value,
    verdict_counts,
    verdict_strata,
)
from calibration.validation import (
    Design,
    Population,
    check_binary,
    check_error,
    check_population,
    check_scale,
    check_share,
)


def estimate_rate(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    population: Population = "superpopulation",
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
    population : {"superpopulation", "finite"}
        Whether the value asked for is that of all items like these, or of these N items alone:
        then the interval shrinks as the labels become a census.

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
    said = draw_warnings(drawn, design, stratified=strata is not None)
    aim = Aim(tail=tail, strict=False, population=population)
    return _estimate(drawn, design, aim, said=said)


def gate_rate(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    error: float = 0.05,
    population: Population = "superpopulation",
) -> Estimate:
    """Bound the pass rate for a release decision.

    As :func:`estimate_rate`, but each limit errs with probability at most ``error`` on its own:
    compare ``low`` with the lowest rate that may be released. Its limits are strict, where
    those for reports are close to nominal.

    Parameters
    ----------
    judge, human, design, clusters, strata, population
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
    said = draw_warnings(drawn, design, stratified=strata is not None)
    aim = Aim(tail=tail, strict=True, population=population)
    return _estimate(drawn, design, aim, said=said)


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


def _estimate(drawn: Labelled, design: Design, aim: Aim, *, said: list[str]) -> Estimate:
    check_population(aim.population)
    if design == "curated":
        refuse_finite(aim.population)
        from calibration.rogan_gladen import GoldSet, corrected_rate

        gold = GoldSet(judge=drawn.judge[drawn.used], human=drawn.human[drawn.used])
        return corrected_rate(
            drawn.judge, gold, effects=drawn.effects, tail=aim.tail, strict=aim.strict, said=said
        )
    strata = verdict_strata(drawn)
    doubts = _doubts(drawn, tail=aim.tail)
    low, high = melded_limits(strata, tail=aim.tail, strict=aim.strict, population=aim.population)
    value = point_value(strata)
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        confidence=1.0 - 2.0 * aim.tail,
        method="post-stratified by verdict, " + ("melded" if aim.strict else "mid-p melded"),
        n_judged=drawn.n_judged,
        n_labelled=drawn.n_labelled,
        human_only=labels_alone(drawn, tail=aim.tail, population=aim.population),
        above_chance=not doubts,
        warnings=(*said, *_census(drawn, aim.population), *doubts),
        population=aim.population,
        strata=counts_of(strata),
    )


def refuse_finite(population: Population) -> None:
    """Refuse a finite population where items were chosen, not drawn (ValueError)."""
    if population == "finite":
        raise ValueError("population='finite' has no meaning for a curated set; leave it out.")


def _census(drawn: Labelled, population: Population) -> list[str]:
    """Say which population is meant where every item is labelled, so that both differ most."""
    if drawn.n_labelled < drawn.human.size:
        return []
    if population == "finite":
        return ["Every item is labelled: a census, without sampling error."]
    said = (
        "Every item is labelled: the interval is for all items like these. These items alone are "
        "known without sampling error; ask for population='finite'."
    )
    return [said]


def _doubts(drawn: Labelled, *, tail: float) -> tuple[str, ...]:
    """Say why the labels do not show a judge better than chance; nothing where they do."""
    passed, failed = verdict_counts(drawn, 1.0), verdict_counts(drawn, 0.0)
    if min(passed[1], failed[1]) == 0.0:
        return (_one_verdict_warning(drawn),)
    return require_above_chance(passed, failed, tail=tail)


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


# The mean rating that experts would give all judged items, on a bounded scale.
#
# N items; ratings are in the unit of the scale. The interval is chosen in
# :mod:`calibration.bounded_mean`, which says why.


def estimate_mean(  # noqa: PLR0913 - options of the public contract
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    scale: tuple[float, float] = (1, 10),
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    population: Population = "superpopulation",
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
    population : {"superpopulation", "finite"}
        Whether the value asked for is that of all items like these, or of these N items alone:
        then the interval shrinks as the labels become a census.

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
    drawn = _read_mean(judge, human, scale=ends, design=design, clusters=clusters, strata=strata)
    said = draw_warnings(drawn, design, stratified=strata is not None)
    aim = Aim(tail=tail, strict=False, population=population)
    return _estimate_mean(drawn, ends, aim, said=said)


def gate_mean(  # noqa: PLR0913 - as estimate_mean
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    scale: tuple[float, float] = (1, 10),
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    error: float = 0.05,
    population: Population = "superpopulation",
) -> Estimate:
    """Bound the mean rating for a release decision.

    As :func:`estimate_mean`, but each limit errs with probability at most ``error`` on its own and
    is always Gaffke's strict one.

    Parameters
    ----------
    judge, human, scale, design, clusters, strata, population
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
    drawn = _read_mean(judge, human, scale=ends, design=design, clusters=clusters, strata=strata)
    said = draw_warnings(drawn, design, stratified=strata is not None)
    aim = Aim(tail=tail, strict=True, population=population)
    return _estimate_mean(drawn, ends, aim, said=said)


def _read_mean(
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


def _estimate_mean(
    drawn: Labelled, scale: tuple[float, float], aim: Aim, *, said: list[str]
) -> Estimate:
    check_population(aim.population)
    doubts = require_not_reversed(drawn.judge, drawn.human, tail=aim.tail)
    warnings = [*said, *_census(drawn, aim.population), *doubts]
    return replace(bounded_mean(drawn, scale, aim, said=warnings), above_chance=not doubts)
