"""The package's own names."""

import importlib
import pkgutil
import subprocess
import sys
from types import FunctionType

import pytest

import calibration

FUNCTIONS = ("agreement", "krippendorff_alpha", "alternative_annotator_test")


def test_every_exported_name_can_be_had() -> None:
    assert all(hasattr(calibration, name) for name in calibration.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'accuracy_of_everything'"):
        calibration.accuracy_of_everything  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue, reportUnusedExpression] - wrong on purpose


def test_importing_the_package_loads_no_numerics() -> None:
    code = "import calibration, sys; print('numpy' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


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
