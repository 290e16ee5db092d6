"""The score that experts would give a part: corrected, by the labels alone, and uncorrected."""

from dataclasses import replace

import numpy as np

from calibration.estimate import Estimate, Interval, Undefined
from calibration.estimators import estimate_mean, estimate_rate
from calibration.validation import Design, FloatArray
from judge.trust.finding import JudgeOnly
from judge.trust.part import Part


def corrected(part: Part, *, design: Design, confidence: float) -> Estimate:
    """Correct the judge's score by the labels.

    Raises
    ------
    UnusableJudge, InsufficientLabels, Undefined
        If it must not or cannot be corrected.
    """
    if bool(np.isnan(part.verdicts).all()):
        raise Undefined("the judge gave no verdict on any item.")
    return _estimate(part, part.judged, design=design, confidence=confidence)


def labels_alone(part: Part, *, design: Design, confidence: float) -> Interval | None:
    """Give the interval of the labels without the judge, which holds whatever the judge is worth.

    Returns
    -------
    Interval or None
        None for a curated set, whose labels say nothing of how common a pass is.

    Raises
    ------
    InsufficientLabels
        If there are fewer than 2 labels.
    """
    if design == "curated":
        return None
    cells = part.strata
    if design == "by-verdict":
        verdicts = np.where(np.isnan(part.judged), np.inf, part.judged)
        level = np.unique(verdicts, return_inverse=True)[1]
        cells = level if cells is None else cells * (int(level.max()) + 1) + level
    # A judge that says the same of every item adds nothing to the labels.
    constant = np.full(len(part.units), part.counting.ends[1])
    drawn = replace(part, strata=cells)
    return _estimate(drawn, constant, design="random", confidence=confidence).human_only


def judge_only(part: Part) -> JudgeOnly:
    """Give the judge's own score, and where it would lie if missing verdicts were all one end."""
    low, high = part.counting.ends
    judged = part.judged
    known = judged[~np.isnan(judged)]
    return JudgeOnly(
        value=float(known.mean()) if known.size else None,
        low=float(np.where(np.isnan(judged), low, judged).mean()),
        high=float(np.where(np.isnan(judged), high, judged).mean()),
    )


def _estimate(part: Part, judged: FloatArray, *, design: Design, confidence: float) -> Estimate:
    clusters = part.clusters or None
    if part.counting.kind == "rate":
        return estimate_rate(
            judged,
            part.human,
            design=design,
            clusters=clusters,
            strata=part.strata,
            confidence=confidence,
        )
    return estimate_mean(
        judged,
        part.human,
        scale=part.counting.ends,
        design=design,
        clusters=clusters,
        strata=part.strata,
        confidence=confidence,
    )
