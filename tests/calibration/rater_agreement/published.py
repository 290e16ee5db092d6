"""Worked examples from the literature, as the ratings behind their tables."""

import numpy as np

from calibration.validation import FloatArray

# Gwet (2014), Handbook of Inter-Rater Reliability: 100 pregnancies by two abstractors. Expected
# values from the R and Python packages irrCAC.
ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]

# Fleiss (1981), Statistical Methods for Rates and Proportions, table 13.1: 100 diagnoses.
DIAGNOSES = [[75, 1, 4], [5, 4, 1], [0, 0, 10]]

# Altman (1991), Practical Statistics for Medical Research, p. 403: 85 mammograms, normal to cancer.
MAMMOGRAMS = [[21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]]

# Gwet (2002), Kappa statistic is not satisfactory: 125 subjects, nearly all of them positive.
PARADOX = [[118, 5], [2, 0]]

# Shrout & Fleiss (1979), table 2: six targets by four judges.
SHROUT_FLEISS = [
    [9, 2, 5, 8],
    [6, 1, 3, 2],
    [8, 4, 6, 8],
    [7, 1, 2, 6],
    [10, 5, 6, 9],
    [6, 2, 4, 7],
]

# Krippendorff (2011), section C: twelve units by four observers, 0 for a missing value.
KRIPPENDORFF = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
]


def krippendorff_units() -> FloatArray:
    """Give the twelve units by four observers, NaN for missing."""
    ratings = np.array(KRIPPENDORFF, dtype=np.float64).T
    return np.where(ratings == 0.0, np.nan, ratings)


def unfold(table: list[list[int]]) -> tuple[FloatArray, FloatArray]:
    """Give the judge's (columns) and the expert's (rows) ratings behind a table, from 1 up."""
    counts = np.array(table)
    rows, columns = np.indices(counts.shape)
    times = counts.ravel()
    judge, human = np.repeat(columns.ravel() + 1, times), np.repeat(rows.ravel() + 1, times)
    return judge.astype(np.float64), human.astype(np.float64)
