"""How far a judge can be believed: agreement with experts, and scores corrected by their labels.

Works alone on arrays of judge scores and expert labels. Names load on first use, so that
importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calibration.drift import compare_error_rates
    from calibration.estimate import (
        Estimate,
        InsufficientLabels,
        Interval,
        Undefined,
        UnusableJudge,
    )
    from calibration.estimators import estimate_mean, estimate_rate, gate_mean, gate_rate
    from calibration.first_harm import compare_first_harm, first_harm_curve
    from calibration.paired_difference import estimate_difference, gate_difference
    from calibration.planning import (
        Pilot,
        pilot_from_accuracy,
        pilot_from_labels,
        plan_labels,
        zero_failure_labels,
    )
    from calibration.rater_agreement.accuracy import judge_accuracy
    from calibration.rater_agreement.alpha import krippendorff_alpha
    from calibration.rater_agreement.alternative_annotator import alternative_annotator_test
    from calibration.rater_agreement.drawn_accuracy import drawn_accuracy
    from calibration.rater_agreement.human_ceiling import human_ceiling
    from calibration.rater_agreement.interval_scale import (
        icc_average,
        icc_single,
        kendall,
        spearman,
    )
    from calibration.rater_agreement.nominal import (
        cohen_kappa,
        gwet_ac1,
        gwet_ac2,
        percent_agreement,
        weighted_kappa,
    )
    from calibration.rater_agreement.report import AgreementReport, agreement
    from calibration.rogan_gladen import curated_rate
    from calibration.sampling import draw
    from calibration.session_rates import harmed_session_rate, harmful_turn_rate

__all__ = [
    "AgreementReport",
    "Estimate",
    "InsufficientLabels",
    "Interval",
    "Pilot",
    "Undefined",
    "UnusableJudge",
    "agreement",
    "alternative_annotator_test",
    "cohen_kappa",
    "compare_error_rates",
    "compare_first_harm",
    "curated_rate",
    "draw",
    "drawn_accuracy",
    "estimate_difference",
    "estimate_mean",
    "estimate_rate",
    "first_harm_curve",
    "gate_difference",
    "gate_mean",
    "gate_rate",
    "gwet_ac1",
    "gwet_ac2",
    "harmed_session_rate",
    "harmful_turn_rate",
    "human_ceiling",
    "icc_average",
    "icc_single",
    "judge_accuracy",
    "kendall",
    "krippendorff_alpha",
    "percent_agreement",
    "pilot_from_accuracy",
    "pilot_from_labels",
    "plan_labels",
    "spearman",
    "weighted_kappa",
    "zero_failure_labels",
]

_HOME = {
    "AgreementReport": "rater_agreement.report",
    "Estimate": "estimate",
    "InsufficientLabels": "estimate",
    "Interval": "estimate",
    "Pilot": "planning",
    "Undefined": "estimate",
    "UnusableJudge": "estimate",
    "agreement": "rater_agreement.report",
    "alternative_annotator_test": "rater_agreement.alternative_annotator",
    "cohen_kappa": "rater_agreement.nominal",
    "compare_error_rates": "drift",
    "compare_first_harm": "first_harm",
    "curated_rate": "rogan_gladen",
    "draw": "sampling",
    "drawn_accuracy": "rater_agreement.drawn_accuracy",
    "estimate_difference": "paired_difference",
    "estimate_mean": "estimators",
    "estimate_rate": "estimators",
    "first_harm_curve": "first_harm",
    "gate_difference": "paired_difference",
    "gate_mean": "estimators",
    "gate_rate": "estimators",
    "gwet_ac1": "rater_agreement.nominal",
    "gwet_ac2": "rater_agreement.nominal",
    "harmed_session_rate": "session_rates",
    "harmful_turn_rate": "session_rates",
    "human_ceiling": "rater_agreement.human_ceiling",
    "icc_average": "rater_agreement.interval_scale",
    "icc_single": "rater_agreement.interval_scale",
    "judge_accuracy": "rater_agreement.accuracy",
    "kendall": "rater_agreement.interval_scale",
    "krippendorff_alpha": "rater_agreement.alpha",
    "percent_agreement": "rater_agreement.nominal",
    "pilot_from_accuracy": "planning",
    "pilot_from_labels": "planning",
    "plan_labels": "planning",
    "spearman": "rater_agreement.interval_scale",
    "weighted_kappa": "rater_agreement.nominal",
    "zero_failure_labels": "planning",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'calibration' has no attribute {name!r}.")
    return getattr(import_module(f"calibration.{_HOME[name]}"), name)
