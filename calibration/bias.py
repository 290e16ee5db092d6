"""Bias battery: does the judge's error depend on what should not matter.

A covariate is a property of the item that should not move the judge: length, position, language,
refusal style, whether judge and system are of one family. Its effect is the slope of judge minus
expert on the covariate among the labelled items; comparing with the experts keeps apart what the
property does to the quality of an answer and what it does to the judge. Some covariates can be
read off the text or the names of an item; they stand at the end.
"""

import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from calibration.draws import estimate_from_draws
from calibration.estimate import Estimate, InsufficientLabels
from calibration.homogeneity import holm
from calibration.slopes import Covariate, Errors, Slopes, fit_slopes, judge_errors, prepare
from calibration.validation import FloatArray, check_share

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
    return np.array([_mostly_chinese(text) for text in texts])


def same_family(systems: Sequence[str], family: Collection[str]) -> FloatArray:
    """Mark items of the systems that belong to the judge's model family as 1, others as 0."""
    return np.array([float(system in family) for system in systems])


def _mostly_chinese(text: str) -> float:
    letters = {sign: count for sign, count in Counter(text).items() if sign.isalpha()}
    if not letters:
        return float("nan")
    chinese = sum(count for sign, count in letters.items() if _is_chinese(sign))
    return float(2 * chinese > sum(letters.values()))


def _is_chinese(sign: str) -> bool:
    return unicodedata.name(sign, "").startswith("CJK UNIFIED")
