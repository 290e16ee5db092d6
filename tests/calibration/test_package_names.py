import importlib
import pkgutil
from types import FunctionType

import pytest

import calibration

FUNCTIONS = ("agreement", "krippendorff_alpha", "alternative_annotator_test")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_submodule_shadows_a_public_function(name: str) -> None:
    for module in pkgutil.walk_packages(calibration.__path__, "calibration."):
        importlib.import_module(module.name)

    assert isinstance(getattr(calibration, name), FunctionType)
    assert name in calibration.__all__


def test_the_public_functions_work_together() -> None:
    ratings = [[1, 1, 1], [0, 0, 1], [1, 1, 1], [0, 0, 0]]

    report = calibration.agreement([1, 0, 1, 0], [1, 0, 1, 0])

    assert isinstance(report, calibration.AgreementReport)
    assert calibration.krippendorff_alpha(ratings).value > 0.4
