"""The share that experts would pass of all judged items, from the judge and some labels.

Labels drawn at random, or at random by verdict, correct the judge by post-stratification: the
rate is the mean, over the judge's verdicts, of the experts' pass rate among items with that
verdict. Its limits meld the confidence distributions of those rates. N items; rates are
fractions. Estimates are of the rate in the population that the items came from, or of these items
alone where a finite population is asked for.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from calibration.bounded_mean import bounded_mean, strict_risks
from calibration.estimate import Aim, Estimate, InsufficientLabels
from calibration.labelled_sample import (
    Labelled,
    draw_cells,
    draw_warnings,
    read_labelled,
    require_above_chance,
    require_not_reversed,
    weigh_labels,
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
    FloatArray,
    IntArray,
    Population,
    check_binary,
    check_codes,
    check_design,
    check_error,
    check_population,
    check_ratings,
    check_same_length,
    check_scale,
    check_share,
    is_binary,
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
        _refuse_finite(aim.population)
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


def _refuse_finite(population: Population) -> None:
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


# The difference between two systems that answered the same prompts, by experts' ratings.
#
# A judge may favour one of the systems, so the experts' own differences, prompt by prompt,
# correct it. For pass and fail, see :mod:`calibration.paired_difference`; on longer scales the
# judge's difference adjusts the experts'. N prompts; a difference is the first system minus the
# second.


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
    strata: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    population: Population = "superpopulation",
) -> Estimate:
    """Estimate how much higher experts would rate system A than system B, for reports.

    Parameters
    ----------
    judge_a, judge_b : float array, shape (N,)
        Verdicts on the answers of A and B to the same prompts, in the same order; NaN for none.
    human_a, human_b : float array, shape (N,)
        Expert ratings of the same answers, NaN for none. A prompt counts as labelled where both
        answers are; of fail and pass, a label of one answer alone still counts for its system.
    scale : (float, float)
        Lowest and highest rating possible; (0, 1) with nothing between means fail and pass.
    design : {"random", "by-verdict", "curated"}
        How the labelled prompts were chosen: at random, at random among prompts with the same pair
        of verdicts, or by hand (only for fail and pass).
    clusters : array, shape (N,), optional
        Cluster of each prompt, for example its source, where prompts are near copies.
    strata : array, shape (N,), optional
        Stratum of each prompt, where labels were drawn at random inside strata at different rates.
    confidence : float
        Two-sided coverage, a fraction.
    population : {"superpopulation", "finite"}
        Whether the value asked for is that of all items like these, or of these N items alone:
        then the interval shrinks as the labels become a census.

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
    ends = check_scale(scale)
    pair = _read_pair(judge_a, human_a, judge_b, human_b, scale=ends)
    aim = Aim(tail=tail, strict=False, population=population)
    return _estimate_difference(pair, aim, ends, design=design, clusters=clusters, strata=strata)


def gate_difference(  # noqa: PLR0913, PLR0917 - as estimate_difference
    judge_a: npt.ArrayLike,
    human_a: npt.ArrayLike,
    judge_b: npt.ArrayLike,
    human_b: npt.ArrayLike,
    *,
    scale: tuple[float, float] = (0, 1),
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    error: float = 0.05,
    population: Population = "superpopulation",
) -> Estimate:
    """Bound the difference for a release decision.

    As :func:`estimate_difference`, but each limit errs with probability at most ``error`` on its
    own: the first system is not worse by ``margin`` or more where ``low > -margin``. The limits
    are Gaffke's strict ones for the judge-adjusted differences, on any scale.

    Parameters
    ----------
    judge_a, human_a, judge_b, human_b, scale, design, clusters, strata, population
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
    ends = check_scale(scale)
    pair = _read_pair(judge_a, human_a, judge_b, human_b, scale=ends)
    aim = Aim(tail=tail, strict=True, population=population)
    return _estimate_difference(pair, aim, ends, design=design, clusters=clusters, strata=strata)


def difference_risks(  # noqa: PLR0913, PLR0917 - as estimate_difference
    judge_a: npt.ArrayLike,
    human_a: npt.ArrayLike,
    judge_b: npt.ArrayLike,
    human_b: npt.ArrayLike,
    *,
    bound: float,
    scale: tuple[float, float] = (0, 1),
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
) -> tuple[float, float]:
    """P-values of a bound on the difference, by the limits of :func:`gate_difference`.

    Parameters
    ----------
    judge_a, human_a, judge_b, human_b, scale, clusters, strata
        As in :func:`estimate_difference`.
    bound : float
        In the unit of the scale, such as minus the margin.
    design : {"random", "by-verdict"}

    Returns
    -------
    (float, float)
        Of "the difference is at most the bound" and "it is at least the bound", fractions.

    Raises
    ------
    ValueError, InsufficientLabels, UnusableJudge
        As in :func:`estimate_difference`.
    """
    ends = check_scale(scale)
    pair = _read_pair(judge_a, human_a, judge_b, human_b, scale=ends)
    if design == "curated":
        raise ValueError("a curated difference has limits only; use gate_difference.")
    drawn = _drawn_difference(pair, *_cells(pair, design, clusters=clusters, strata=strata))
    for system, name in zip(pair, ("A", "B"), strict=True):
        require_not_reversed(system.judge, system.human, tail=0.05, of=f" of {name}")
    width = ends[1] - ends[0]
    return strict_risks(drawn, (-width, width), bound=bound)


def _read_pair(  # noqa: PLR0917 - in the order of the public functions
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


def _estimate_difference(
    pair: tuple[System, System],
    aim: Aim,
    scale: tuple[float, float],
    *,
    design: Design,
    clusters: npt.ArrayLike | None,
    strata: npt.ArrayLike | None,
) -> Estimate:
    check_design(design)
    check_population(aim.population)
    binary = scale == (0.0, 1.0) and all(is_binary(x.judge) and is_binary(x.human) for x in pair)
    if design == "curated":
        _refuse_finite(aim.population)
        clustered = clusters is not None
        return _curated(pair, binary=binary, clustered=clustered, tail=aim.tail, strict=aim.strict)
    cells, prompts = _cells(pair, design, clusters=clusters, strata=strata)
    drawn = _drawn_difference(pair, cells, prompts)
    said = draw_warnings(drawn, design, stratified=strata is not None)
    for system, name in zip(pair, ("A", "B"), strict=True):
        said.extend(
            require_not_reversed(system.judge, system.human, tail=aim.tail, of=f" of {name}")
        )
    said.extend(_half_labelled(pair, used=binary and not aim.strict))
    if binary and not aim.strict:
        by_pair = design == "by-verdict" or strata is not None
        own = [_one_system(system, cells if by_pair else None, prompts) for system in pair]
        from calibration.paired_difference import paired_difference

        return paired_difference((own[0], own[1]), drawn, aim, said=said)
    width = scale[1] - scale[0]
    return bounded_mean(drawn, (-width, width), aim, said=said)


def _cells(
    pair: tuple[System, System],
    design: Design,
    *,
    clusters: npt.ArrayLike | None,
    strata: npt.ArrayLike | None,
) -> tuple[IntArray, IntArray | None]:
    """Give each prompt its cell by the pair of verdicts, and its cluster."""
    n = pair[0].judge.size
    verdicts = _pair_codes(pair[0].judge, pair[1].judge)
    cells = draw_cells(verdicts, check_codes("strata", strata, n), design)
    return cells, check_codes("clusters", clusters, n)


def _drawn_difference(
    pair: tuple[System, System], cells: IntArray, prompts: IntArray | None
) -> Labelled:
    first, second = pair
    differences = first.judge - second.judge, first.human - second.human
    return weigh_labels(*differences, cells=cells, prompts=prompts)


def _one_system(system: System, cells: IntArray | None, prompts: IntArray | None) -> Labelled:
    """Weigh one system's labels, by the cells of prompts where they were drawn by them."""
    own = draw_cells(system.judge, None, "random") if cells is None else cells
    return weigh_labels(system.judge, system.human, cells=own, prompts=prompts)


def _curated(
    pair: tuple[System, System], *, binary: bool, clustered: bool, tail: float, strict: bool
) -> Estimate:
    if not binary:
        raise InsufficientLabels(
            "a curated set cannot correct a mean difference: labels drawn at random are missing."
        )
    if clustered:
        raise ValueError("clusters have no meaning for a curated difference; leave them out.")
    from calibration.rogan_gladen import GoldSet, curated_difference

    judges = pair[0].judge, pair[1].judge
    golds = [
        GoldSet(judge=each.judge[used], human=each.human[used])
        for each in pair
        for used in [~np.isnan(each.human)]
    ]
    return curated_difference(judges, (golds[0], golds[1]), tail=tail, strict=strict)


def _pair_codes(judge_a: FloatArray, judge_b: FloatArray) -> FloatArray:
    """Give each pair of verdicts a number; NaN where one is missing."""
    missing = np.isnan(judge_a) | np.isnan(judge_b)
    first, second = (
        np.unique(np.where(missing, 0.0, judge), return_inverse=True)
        for judge in (judge_a, judge_b)
    )
    pairs = first[1] * second[0].size + second[1]
    codes = np.unique(pairs, return_inverse=True)[1].astype(np.float64)
    return np.where(missing, np.nan, codes)


def _half_labelled(pair: tuple[System, System], *, used: bool) -> list[str]:
    half = int((np.isnan(pair[0].human) != np.isnan(pair[1].human)).sum())
    what = "they count for that system" if used else "they are left out"
    return [f"{half} prompts have a label for one system only; {what}."] if half else []
