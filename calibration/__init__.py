"""How far a judge can be believed: agreement with experts, and scores corrected by their labels.

Works alone on arrays of judge scores and expert labels. Names load on first use, so that
importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calibration.alternative_annotator import alternative_annotator_test
    from calibration.coefficients.alpha import krippendorff_alpha
    from calibration.coefficients.report import AgreementReport, agreement
    from calibration.correction.rogan_gladen import curated_rate
    from calibration.differences import estimate_difference, gate_difference
    from calibration.estimate import (
        Estimate,
        InsufficientLabels,
        Interval,
        Undefined,
        UnusableJudge,
    )
    from calibration.homogeneity import compare_error_rates
    from calibration.means import estimate_mean, gate_mean
    from calibration.planning import (
        Pilot,
        pilot_from_accuracy,
        pilot_from_labels,
        plan_labels,
        zero_failure_labels,
    )
    from calibration.rates import estimate_rate, gate_rate
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
    "AgreementReport": "coefficients.report",
    "Estimate": "estimate",
    "InsufficientLabels": "estimate",
    "Interval": "estimate",
    "Pilot": "planning",
    "Undefined": "estimate",
    "UnusableJudge": "estimate",
    "agreement": "coefficients.report",
    "alternative_annotator_test": "alternative_annotator",
    "compare_error_rates": "homogeneity",
    "curated_rate": "correction.rogan_gladen",
    "draw": "sampling",
    "estimate_difference": "differences",
    "estimate_mean": "means",
    "estimate_rate": "rates",
    "gate_difference": "differences",
    "gate_mean": "means",
    "gate_rate": "rates",
    "krippendorff_alpha": "coefficients.alpha",
    "pilot_from_accuracy": "planning",
    "pilot_from_labels": "planning",
    "plan_labels": "planning",
    "zero_failure_labels": "planning",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'calibration' has no attribute {name!r}.")
    return getattr(import_module(f"calibration.{_HOME[name]}"), name)
