"""What this project, the labels alone and Lee et al. say of a simulated set."""

from functools import lru_cache

import numpy as np

from calibration import (
    curated_rate,
    estimate_difference,
    estimate_mean,
    estimate_rate,
    gate_difference,
    gate_rate,
    harmed_session_rate,
    harmful_turn_rate,
)
from calibration.estimate import Estimate
from simulation.draws import Case, Z
from simulation.tally import Limits, Method

OURS, GATE, ALONE, LEE = "cvalues", "cvalues gate (each side 5 %)", "labels alone", "Lee et al."
FOR_ALL, BY_SOURCE, WITHOUT = "for all", "each labelled source", "for all, no source column"
"""Answers where some sources have labels; see `simulation.shift`."""


class NoAnswerError(Exception):
    """The method has no interval for this set."""


def methods(section: str) -> dict[str, Method]:
    """Give the methods that answer in a section."""
    return {
        "binary": {OURS: _rate, GATE: _gate_rate, ALONE: _rate_alone, LEE: _lee},
        "lenient": {OURS: _rate, GATE: _gate_rate, ALONE: _rate_alone},
        "by-verdict": {OURS: _rate_by_verdict},
        "curated": {OURS: _curated, LEE: _lee},
        "clustered": {OURS: _rate, GATE: _gate_rate, ALONE: _rate_alone},
        "ordinal": {OURS: _mean, ALONE: _mean_alone},
        "strata": {OURS: _rate, GATE: _gate_rate},
        "turns": {OURS: _turns, GATE: _gate_turns},
        "sessions": {OURS: _sessions, GATE: _gate_sessions},
        "paired": {OURS: _difference, GATE: _gate_difference, ALONE: _difference_alone},
    }[section]


def _limits(estimate: Estimate) -> Limits:
    return estimate.low, estimate.high


def _alone(estimate: Estimate) -> Limits:
    if estimate.human_only is None:
        raise NoAnswerError
    return estimate.human_only.low, estimate.human_only.high


# The corrected interval and the labels alone come from one call; a case is asked twice in a row.
@lru_cache(maxsize=1)
def _estimate(case: Case) -> Estimate:
    return estimate_rate(case.judge, case.human, clusters=case.clusters, strata=case.strata)


@lru_cache(maxsize=1)
def _estimate_mean(case: Case) -> Estimate:
    return estimate_mean(case.judge, case.human)


@lru_cache(maxsize=1)
def _estimate_difference(case: Case) -> Estimate:
    return estimate_difference(case.judge, case.human, case.judge_b, case.human_b)


def _rate(case: Case) -> Limits:
    return _limits(_estimate(case))


def _passing(estimate: Estimate) -> Limits:
    return 1.0 - estimate.high, 1.0 - estimate.low


def _turns(case: Case) -> Limits:
    return _passing(harmful_turn_rate(case.judge, case.human, sessions=case.clusters))


def _gate_turns(case: Case) -> Limits:
    found = harmful_turn_rate(
        case.judge, case.human, sessions=case.clusters, confidence=0.9, strict=True
    )
    return _passing(found)


def _sessions(case: Case) -> Limits:
    return _passing(harmed_session_rate(case.judge, case.human, sessions=case.clusters))


def _gate_sessions(case: Case) -> Limits:
    found = harmed_session_rate(
        case.judge, case.human, sessions=case.clusters, confidence=0.9, strict=True
    )
    return _passing(found)


def _rate_alone(case: Case) -> Limits:
    return _alone(_estimate(case))


def _rate_by_verdict(case: Case) -> Limits:
    return _limits(estimate_rate(case.judge, case.human, design="by-verdict"))


def _gate_rate(case: Case) -> Limits:
    gate = gate_rate(case.judge, case.human, clusters=case.clusters, strata=case.strata)
    return _limits(gate)


def _curated(case: Case) -> Limits:
    return _limits(curated_rate(case.judge, case.gold_judge, case.gold_human))


def _mean(case: Case) -> Limits:
    return _limits(_estimate_mean(case))


def _mean_alone(case: Case) -> Limits:
    return _alone(_estimate_mean(case))


def _difference(case: Case) -> Limits:
    return _limits(_estimate_difference(case))


def _gate_difference(case: Case) -> Limits:
    return _limits(gate_difference(case.judge, case.human, case.judge_b, case.human_b))


def _difference_alone(case: Case) -> Limits:
    return _alone(_estimate_difference(case))


def _lee(case: Case) -> Limits:
    """Lang and Reiczigel's interval, as Lee et al. (2025), arXiv 2511.21140, use it."""
    human, judge = case.gold_human, case.gold_judge
    if human is None:
        used = ~np.isnan(case.human)
        human, judge = case.human[used], case.judge[used]
    good, bad = float((human == 1).sum()), float((human == 0).sum())
    if min(good, bad) == 0.0:
        raise NoAnswerError
    items = case.judge.size
    passed = (case.judge.sum() + Z**2 / 2) / (items + Z**2)
    sensitivity = (judge[human == 1].sum() + 1) / (good + 2)
    specificity = ((1 - judge[human == 0]).sum() + 1) / (bad + 2)
    youden = sensitivity + specificity - 1
    if youden <= 0.0:
        raise NoAnswerError
    rate = (passed + specificity - 1) / youden
    miss = sensitivity * (1 - sensitivity) / (good + 2)
    leak = specificity * (1 - specificity) / (bad + 2)
    shift = 2 * Z**2 * (rate * miss - (1 - rate) * leak)
    spread = passed * (1 - passed) / (items + Z**2) + rate**2 * miss + (1 - rate) ** 2 * leak
    half = Z * np.sqrt(spread) / youden
    low, high = np.clip([rate + shift - half, rate + shift + half], 0.0, 1.0)
    return float(low), float(high)
