"""Bias battery: does the judge's error depend on what should not matter.

A covariate is a property of the item that should not move the judge: length, position, language,
refusal style, whether judge and system are of one family. Its effect is the slope of judge minus
expert on the covariate among the labelled items; comparing with the experts keeps apart what the
property does to the quality of an answer and what it does to the judge. Some covariates can be
read off the text or the names of an item; they stand at the end.
"""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.drift import McNemar, holm, mcnemar
from calibration.estimate import Estimate, InsufficientLabels, Undefined, counted
from calibration.rater_agreement.nominal import share
from calibration.resampling import estimate_from_draws, weighted_sums
from calibration.validation import BoolArray, FloatArray, as_vector, check_share, pair_up

# Slopes of the judge's error on covariates, in the sample and in resamples.
#
# The error of a verdict is judge minus expert. ``N`` items, ``n`` of them labelled, ``p``
# covariates. Items are resampled by gamma weights (Rubin's bootstrap). At either end of each
# covariate one imagined item errs by half a weight up and half down, by one step of the scale,
# so that an error that has not been seen yet is not ruled out and no interval has zero width.
#
# References ---------- Rubin (1981), Annals of Statistics 9(1), 130-134.

SLOPE_DRAWS = 2000
FEWEST = 10
FEWEST_IN_GROUP = 5


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of the judge.

    Attributes
    ----------
    values : float array, shape (N,)
        Judge minus expert, NaN where one is missing.
    labels : float array, shape (N,)
        The experts' labels, NaN where the error is.
    judged : bool array, shape (N,)
    step : float
        Smallest distance of two ratings in use.
    """

    values: FloatArray
    labels: FloatArray
    judged: BoolArray
    step: float


@dataclass(frozen=True, slots=True)
class Covariate:
    """A property of the items.

    Attributes
    ----------
    name : str
    values : float array, shape (N,)
        Two values as 0 and 1, others standardised over the judged items; NaN where unknown.
    binary : bool
    mean : float
        Over all judged items, labelled or not.
    """

    name: str
    values: FloatArray
    binary: bool
    mean: float


@dataclass(frozen=True, slots=True)
class Slopes:
    """A linear fit of the error in the sample (row 0) and in R resamples.

    Attributes
    ----------
    values : float array, shape (1 + R, p)
        Change of the error per unit of each covariate, the others held fixed.
    means : float array, shape (1 + R, p)
        Mean of each covariate among the labelled items.
    n : int
        Labelled items used.
    """

    values: FloatArray
    means: FloatArray
    n: int


def judge_errors(judge: npt.ArrayLike, human: npt.ArrayLike) -> Errors:
    """Subtract the experts' labels from the verdicts, NaN where one is missing.

    Raises
    ------
    ValueError
        If the arrays do not align or hold an infinite value.
    Undefined
        If no item has both.
    """
    pairs = pair_up(judge, human)
    values, labels = np.full(pairs.both.shape, np.nan), np.full(pairs.both.shape, np.nan)
    values[pairs.both], labels[pairs.both] = pairs.judge - pairs.human, pairs.human
    levels = np.union1d(pairs.judge, pairs.human)
    step = float(np.diff(levels).min()) if levels.size > 1 else 1.0
    return Errors(values, labels, ~np.isnan(as_vector("judge", judge)), step)


def prepare(name: str, values: npt.ArrayLike, errors: Errors) -> Covariate:
    """Bring a covariate to a common unit.

    Raises
    ------
    ValueError
        If it does not align with the items or holds an infinite value.
    InsufficientLabels
        If it has one value only, under 10 labelled items, or under 5 with either of two values.
    """
    given = as_vector(name, values)
    if given.shape != errors.values.shape:
        raise ValueError(f"{name} must have one entry for each item; got {given.size}.")
    known = given[errors.judged & ~np.isnan(given)]
    labelled = given[~np.isnan(errors.values) & ~np.isnan(given)]
    if labelled.size < FEWEST:
        raise InsufficientLabels(
            f"{counted(labelled.size, 'labelled item')}; at least {FEWEST} are needed."
        )
    levels, counts = np.unique(labelled, return_counts=True)
    if levels.size == 1:
        raise InsufficientLabels("it has one value on all labelled items.")
    binary = np.unique(known).size == 2
    if binary and counts.min() < FEWEST_IN_GROUP:
        raise InsufficientLabels(
            f"{counted(counts.min(), 'labelled item')} of one kind; at least "
            f"{FEWEST_IN_GROUP} are needed."
        )
    if binary:
        origin, unit = float(levels[0]), float(levels[1] - levels[0])
    else:
        origin, unit = float(known.mean()), float(known.std())
    return Covariate(name, (given - origin) / unit, binary, (float(known.mean()) - origin) / unit)


def fit_slopes(covariates: Sequence[Covariate], errors: Errors, rng: np.random.Generator) -> Slopes:
    """Fit the error on the covariates by weighted least squares, in the sample and resamples."""
    x = np.column_stack([one.values for one in covariates])
    usable = ~np.isnan(errors.values) & ~np.isnan(x).any(axis=1)
    x, e = x[usable], errors.values[usable]
    n, p = x.shape
    imagined = _imagined(covariates, x.mean(axis=0))
    swings = np.tile([errors.step, -errors.step], len(imagined) // 2)
    design = np.column_stack([np.ones(n + swings.size), np.vstack([x, imagined])])
    response = np.concatenate([e, e.mean() + swings])
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    seen = np.column_stack([np.ones(n), x])
    unseen = np.zeros((swings.size, p + 1))
    columns = np.hstack([products, design * response[:, None], np.vstack([seen, unseen])])
    shapes = np.concatenate([np.ones(n), np.full(swings.size, 0.5)])
    drawn = weighted_sums(shapes, columns, resamples=SLOPE_DRAWS, rng=rng)
    sums = np.vstack([columns[:n].sum(axis=0), drawn])
    normal, moments, weight = np.split(sums, [(p + 1) ** 2, (p + 1) * (p + 2)], axis=1)
    solved = np.linalg.solve(normal.reshape(-1, p + 1, p + 1), moments[..., None])
    slopes = solved[:, 1:, 0].astype(np.float64)
    return Slopes(values=slopes, means=weight[:, 1:] / weight[:, :1], n=n)


def _imagined(covariates: Sequence[Covariate], centre: FloatArray) -> FloatArray:
    """Two rows at either end of each covariate, the others at their means, shape (4 p, p)."""
    rows: list[FloatArray] = []
    for place, one in enumerate(covariates):
        for end in (0.0, 1.0) if one.binary else (-1.0, 1.0):
            row = centre.copy()
            row[place] = end
            rows += [row, row]
    return np.array(rows)


LABELS_PER_COVARIATE = 10
MOST_ENTANGLED = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasEffect:
    """What one covariate does to the judge.

    Attributes
    ----------
    name : str
    contrast : {'with against without', 'per standard deviation'}
        The first for a covariate of two values, the higher against the lower.
    error : Estimate
        Change of judge minus expert, in the unit of the scale; positive favours.
    adjusted_error : Estimate | None
        The same at an equal expert label and with the other covariates held fixed: a judge that
        errs on one class only seems biased by whatever goes with that class, and this tells. None
        where these cannot be told apart.
    raw_shift : Estimate | None
        What the bias adds to the judge's uncorrected mean score; for two values only.
    corrected_shift : Estimate
        What allowing for the covariate changes in the mean score corrected by the labels: near
        zero where labels were drawn at random, else the bias that an unlike draw leaves behind.
    p_value, adjusted_p : float
        Two-sided, that `error` is zero; after Holm over the battery.
    n : int
        Labelled items used.
    """

    name: str
    contrast: Literal["with against without", "per standard deviation"]
    error: Estimate
    adjusted_error: Estimate | None
    raw_shift: Estimate | None
    corrected_shift: Estimate
    p_value: float
    adjusted_p: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasBattery:
    """The effects that could be measured, and why the others could not.

    Attributes
    ----------
    effects : tuple of BiasEffect
    unmeasured : mapping of str to str
        Covariate to reason.
    """

    effects: tuple[BiasEffect, ...]
    unmeasured: Mapping[str, str]


def bias_battery(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    covariates: Mapping[str, npt.ArrayLike],
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> BiasBattery:
    """Measure the effect of each covariate on the judge's error relative to the experts.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        NaN where a rating is missing; labels may be few.
    covariates : mapping of str to float array, shape (N,)
        By name. Two values make a contrast, more a slope per standard deviation; NaN where the
        property is not known. Take the logarithm of skewed ones such as length before.
    confidence : float
    seed : int
        Same seed, same digits.

    Returns
    -------
    BiasBattery
        A covariate is unmeasured where it does not vary, has under 10 labelled items, or under 5
        with either of its two values.

    Raises
    ------
    ValueError
        If an array does not align or holds an infinite value.
    Undefined
        If no item has both ratings.

    References
    ----------
    Holm (1979), Scandinavian J. Statistics 6(2), 65-70.
    """
    check_share("confidence", confidence)
    errors = judge_errors(judge, human)
    measurable: list[Covariate] = []
    unmeasured: dict[str, str] = {}
    for name, values in covariates.items():
        try:
            measurable.append(prepare(name, values, errors))
        except InsufficientLabels as reason:
            unmeasured[name] = str(reason)
    rng = np.random.default_rng(seed)
    alone = [fit_slopes((one,), errors, rng) for one in measurable]
    adjusted_p = holm([_two_sided(slopes) for slopes in alone])
    together = _fit_together(measurable, errors, rng)
    effects = tuple(
        _describe(_Measured(one, slopes, joint), adjusted_p=p, confidence=confidence)
        for one, slopes, joint, p in zip(measurable, alone, together, adjusted_p, strict=True)
    )
    return BiasBattery(effects=effects, unmeasured=MappingProxyType(unmeasured))


@dataclass(frozen=True, slots=True)
class _Measured:
    """A covariate with its slopes alone, and those beside the others, shape (1 + R,)."""

    covariate: Covariate
    alone: Slopes
    together: FloatArray | None


def _fit_together(
    covariates: Sequence[Covariate], errors: Errors, rng: np.random.Generator
) -> Sequence[FloatArray | None]:
    """Slopes of each with the expert's label and the others held fixed, None if entangled."""
    apart = [None] * len(covariates)
    if not covariates:
        return apart
    try:
        label = prepare("expert label", errors.labels, errors)
    except InsufficientLabels:
        return apart
    terms = [*covariates, label]
    x = np.column_stack([one.values for one in terms])
    x = x[~np.isnan(errors.values) & ~np.isnan(x).any(axis=1)]
    if x.shape[0] < LABELS_PER_COVARIATE * len(terms) or (np.ptp(x, axis=0) == 0.0).any():
        return apart
    if np.linalg.cond(np.corrcoef(x, rowvar=False)) > MOST_ENTANGLED:
        return apart
    slopes = fit_slopes(terms, errors, rng).values
    return [slopes[:, place] for place in range(len(covariates))]


def _two_sided(slopes: Slopes) -> float:
    drawn = slopes.values[1:, 0]
    fewer = min(int((drawn <= 0.0).sum()), int((drawn >= 0.0).sum()))
    return min(1.0, 2.0 * (fewer + 1) / (drawn.size + 1))


def _describe(measured: _Measured, *, adjusted_p: float, confidence: float) -> BiasEffect:
    one, alone = measured.covariate, measured.alone

    def estimate(values: FloatArray, method: str) -> Estimate:
        return estimate_from_draws(
            float(values[0]),
            values[1:],
            confidence=confidence,
            method=f"{method}, item bootstrap",
            n_judged=alone.n,
            n_labelled=alone.n,
        )

    slopes, means = alone.values[:, 0], alone.means[:, 0]
    together = measured.together
    corrected = -slopes * (one.mean - means)
    return BiasEffect(
        name=one.name,
        contrast="with against without" if one.binary else "per standard deviation",
        error=estimate(slopes, "slope of the error"),
        adjusted_error=None if together is None else estimate(together, "adjusted slope"),
        raw_shift=estimate(slopes * one.mean, "shift of the raw mean") if one.binary else None,
        corrected_shift=estimate(corrected, "shift of the corrected mean"),
        p_value=_two_sided(alone),
        adjusted_p=adjusted_p,
        n=alone.n,
    )


def log_length(texts: Sequence[str]) -> FloatArray:
    """Measure length as the logarithm to base 2 of 1 + characters: one unit is a doubling."""
    return np.log2(1.0 + np.array([len(text) for text in texts], dtype=np.float64))


def is_chinese(texts: Sequence[str]) -> FloatArray:
    """Mark texts of which most letters are Chinese characters as 1, others as 0.

    A text without letters is NaN.

    Examples
    --------
    >>> is_chinese(["今天很好", "fine today", "42"]).tolist()
    [1.0, 0.0, nan]
    """
    joined = "".join(texts)
    signs = set(joined)
    kinds = np.zeros(max(map(ord, signs), default=0) + 1, dtype=np.int8)
    for sign in signs:
        kinds[ord(sign)] = _kind(sign)
    found = kinds[np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")]
    ends = np.cumsum([0, *map(len, texts)])
    chinese, others = (
        np.diff(np.concatenate([[0], np.cumsum(found == kind)])[ends]) for kind in (2, 1)
    )
    return np.where(chinese + others > 0, 2.0 * chinese > chinese + others, np.nan)


def same_family(systems: Sequence[str], family: Collection[str]) -> FloatArray:
    """Mark items of the systems that belong to the judge's model family as 1, others as 0."""
    return np.array([float(system in family) for system in systems])


@cache
def _kind(sign: str) -> int:
    """Give 2 for a Chinese character, 1 for another letter, 0 for what is no letter."""
    if not sign.isalpha():
        return 0
    return 2 if unicodedata.name(sign, "").startswith("CJK UNIFIED") else 1


# Position bias of a pairwise judge: does the answer that is shown first win for being first.
#
# Every pair is judged in both orders. A verdict is +1 where response 1 is better, -1 where
# response 2 is, 0 for a tie, whatever the order in which the two were shown.

POSITION_DRAWS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionBias:
    """How much the order of the answers decides.

    Attributes
    ----------
    n : int
        Pairs with a verdict in both orders.
    flip_rate : Estimate
        Share of pairs whose verdict depends on the order.
    win_rate_shift : Estimate
        What being shown first adds to an answer's win rate, a tie counting half: in [-1/2, 1/2];
        the effect on the score of a run that shows one system first throughout.
    direction : McNemar
        `b` pairs went to the second answer shown in both orders, `c` to the first.
    """

    n: int
    flip_rate: Estimate
    win_rate_shift: Estimate
    direction: McNemar


def position_bias(
    first_shown: npt.ArrayLike,
    second_shown: npt.ArrayLike,
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> PositionBias:
    """Measure position bias from verdicts in both orders.

    Parameters
    ----------
    first_shown, second_shown : float array, shape (N,)
        The verdict where response 1 stood first, and where it stood second: -1, 0 or 1, NaN
        where there is none.
    confidence : float
    seed : int
        Same seed, same digits.

    Returns
    -------
    PositionBias

    Raises
    ------
    ValueError
        If the arrays do not align or hold another value.
    Undefined
        If no pair has a verdict in both orders.

    Examples
    --------
    >>> position_bias([1, 1, -1, 1], [1, -1, -1, -1]).win_rate_shift.value
    0.25
    """
    check_share("confidence", confidence)
    one, other = _verdicts("first_shown", first_shown), _verdicts("second_shown", second_shown)
    if one.shape != other.shape:
        raise ValueError(f"both orders need every pair; got {one.size} and {other.size}.")
    both = ~np.isnan(one) & ~np.isnan(other)
    if not both.any():
        raise Undefined("no pair has a verdict in both orders.")
    # Win rate of response 1 where it stood first, minus the mean over both orders.
    gain = (one[both] - other[both]) / 4.0
    n = gain.size
    return PositionBias(
        n=n,
        flip_rate=share(
            int((gain != 0.0).sum()), n, method="flip rate", confidence=confidence, n_judged=n
        ),
        win_rate_shift=_mean_gain(gain, confidence, seed),
        direction=mcnemar(int((gain < 0.0).sum()), int((gain > 0.0).sum())),
    )


def _verdicts(name: str, values: npt.ArrayLike) -> FloatArray:
    verdicts = as_vector(name, values)
    strangers = verdicts[~np.isnan(verdicts) & ~np.isin(verdicts, (-1.0, 0.0, 1.0))]
    if strangers.size:
        raise ValueError(f"{name} must hold -1, 0 or 1; got {strangers[0]:g}.")
    return verdicts


def _mean_gain(gain: FloatArray, confidence: float, seed: int) -> Estimate:
    # Half an imagined pair that the first place decides, half one that the second does.
    kinds = np.array([-0.5, -0.25, 0.0, 0.25, 0.5])
    shapes = (gain[:, None] == kinds).sum(axis=0) + np.array([0.5, 0.0, 1.0, 0.0, 0.5])
    drawn = np.random.default_rng(seed).standard_gamma(shapes, size=(POSITION_DRAWS, kinds.size))
    return estimate_from_draws(
        float(gain.mean()),
        drawn @ kinds / drawn.sum(axis=1),
        confidence=confidence,
        method="win rate shift of the first place, Dirichlet interval",
        n_judged=gain.size,
        n_labelled=0,
    )
