"""The package's own names."""

import subprocess
import sys

import pytest

import calibration


def test_every_exported_name_can_be_had() -> None:
    assert all(hasattr(calibration, name) for name in calibration.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'accuracy_of_everything'"):
        calibration.accuracy_of_everything  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue, reportUnusedExpression] - wrong on purpose


def test_importing_the_package_loads_no_numerics() -> None:
    code = "import calibration, sys; print('numpy' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
