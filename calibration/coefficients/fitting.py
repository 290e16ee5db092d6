"""Which coefficients fit ratings of a level, each as a computation that may have no value."""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np

from calibration.accuracy import judge_accuracy
from calibration.coefficients.alpha import Level, krippendorff_alpha
from calibration.coefficients.bland_altman import LimitsOfAgreement, bland_altman
from calibration.coefficients.correlation import kendall, kendall_of, spearman, spearman_of
from calibration.coefficients.icc import icc_average, icc_single
from calibration.coefficients.kappa import ac1_of, ac2_of, kappa_of, weighted_kappa_of
from calibration.coefficients.percent import percent_agreement
from calibration.coefficients.rater_table import (
    MOST_CATEGORIES,
    RaterTable,
    read_off,
    tabulate,
)
from calibration.estimate import Estimate, Undefined
from calibration.validation import FloatArray, Pairs

Computations = Mapping[str, Callable[[], Estimate]]


def fitting_coefficients(
    pairs: Pairs, levels: FloatArray, *, level: Level, confidence: float, seed: int
) -> Computations:
    """Name the computations that fit, without running any.

    Parameters
    ----------
    pairs : Pairs
    levels : float array, shape (K,)
        The levels of the scale, or all values in use.
    level : {'nominal', 'ordinal', 'interval'}
    confidence : float
    seed : int

    Returns
    -------
    mapping of str to callable
        Each raises `Undefined` or `InsufficientLabels` where it has no value.
    """

    @cache
    def table() -> RaterTable:
        return tabulate(pairs, categories=levels, seed=seed)

    def alpha() -> Estimate:
        both = np.column_stack([pairs.human, pairs.judge])
        return krippendorff_alpha(both, level=level, confidence=confidence, seed=seed)

    fitting = [_nominal(pairs, table, confidence), {"alpha": alpha}]
    if levels.size == 2:
        fitting.append(_two_classes(pairs, float(levels[1]), confidence))
    if level != "nominal":
        fitting.append(_ordinal(pairs, table, levels.size, confidence=confidence))
    if level == "interval":
        fitting.append(_interval(pairs, confidence))
    return {name: compute for part in fitting for name, compute in part.items()}


def _nominal(pairs: Pairs, table: Callable[[], RaterTable], confidence: float) -> Computations:
    return {
        "percent": lambda: percent_agreement(pairs.judge, pairs.human, confidence=confidence),
        "kappa": lambda: read_off(kappa_of, table(), method="Cohen's kappa", confidence=confidence),
        "ac1": lambda: read_off(ac1_of, table(), method="Gwet's AC1", confidence=confidence),
    }


def _two_classes(pairs: Pairs, positive: float, confidence: float) -> Computations:
    accuracy = judge_accuracy(pairs.judge, pairs.human, positive=positive, confidence=confidence)

    def rate(name: str, found: Estimate | None) -> Estimate:
        if found is None:
            raise Undefined(f"{name}: the experts put no item into that class.")
        return found

    return {
        "sensitivity": lambda: rate("sensitivity", accuracy.sensitivity),
        "specificity": lambda: rate("specificity", accuracy.specificity),
    }


def _ordinal(
    pairs: Pairs, table: Callable[[], RaterTable], size: int, *, confidence: float
) -> Computations:
    tabled = size <= MOST_CATEGORIES
    scores = pairs.judge, pairs.human
    return {
        "weighted_kappa": lambda: weighted_kappa_of(
            table(), weights="quadratic", confidence=confidence
        ),
        "ac2": lambda: ac2_of(table(), weights="quadratic", confidence=confidence),
        "spearman": lambda: (
            spearman_of(table(), confidence=confidence)
            if tabled
            else spearman(*scores, confidence=confidence)
        ),
        "kendall": lambda: (
            kendall_of(table(), confidence=confidence)
            if tabled
            else kendall(*scores, confidence=confidence)
        ),
    }


def _interval(pairs: Pairs, confidence: float) -> Computations:
    both = np.column_stack([pairs.human, pairs.judge])

    @cache
    def limits() -> LimitsOfAgreement:
        return bland_altman(pairs.judge, pairs.human, confidence=confidence)

    return {
        "icc_single": lambda: icc_single(both, confidence=confidence),
        "icc_average": lambda: icc_average(both, confidence=confidence),
        "bias": lambda: limits().bias,
        "lower_limit": lambda: limits().lower,
        "upper_limit": lambda: limits().upper,
    }
