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
    from calibration.estimators import (
        estimate_difference,
        estimate_mean,
        estimate_rate,
        gate_difference,
        gate_mean,
        gate_rate,
    )
    from calibration.planning import (
        Pilot,
        pilot_from_accuracy,
        pilot_from_labels,
        plan_labels,
        zero_failure_labels,
    )
    from calibration.rater_agreement.alpha import krippendorff_alpha
    from calibration.rater_agreement.alternative_annotator import alternative_annotator_test
    from calibration.rater_agreement.report import AgreementReport, agreement
    from calibration.rogan_gladen import curated_rate
    from calibration.sampling import draw

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
    "compare_error_rates",
    "curated_rate",
    "draw",
    "estimate_difference",
    "estimate_mean",
    "estimate_rate",
    "gate_difference",
    "gate_mean",
    "gate_rate",
    "krippendorff_alpha",
    "pilot_from_accuracy",
    "pilot_from_labels",
    "plan_labels",
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
    "compare_error_rates": "drift",
    "curated_rate": "rogan_gladen",
    "draw": "sampling",
    "estimate_difference": "estimators",
    "estimate_mean": "estimators",
    "estimate_rate": "estimators",
    "gate_difference": "estimators",
    "gate_mean": "estimators",
    "gate_rate": "estimators",
    "krippendorff_alpha": "rater_agreement.alpha",
    "pilot_from_accuracy": "planning",
    "pilot_from_labels": "planning",
    "plan_labels": "planning",
    "zero_failure_labels": "planning",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'calibration' has no attribute {name!r}.")
    return getattr(import_module(f"calibration.{_HOME[name]}"), name)
