"""Covariates of the bias battery that can be read off the text or the names of an item."""

import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from calibration.validation import FloatArray


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
