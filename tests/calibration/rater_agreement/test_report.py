import numpy as np
import pytest

from calibration.estimate import Undefined
from calibration.rater_agreement.report import agreement
from tests.calibration.rater_agreement.published import ABSTRACTORS, unfold

NAN = float("nan")
NOMINAL = {"percent", "kappa", "ac1", "alpha"}
ORDINAL = NOMINAL | {"weighted_kappa", "ac2", "spearman", "kendall"}
INTERVAL = ORDINAL | {"icc_single", "icc_average", "bias", "lower_limit", "upper_limit"}


def test_each_level_reports_the_coefficients_that_fit() -> None:
    judge, human = unfold(ABSTRACTORS)

    assert set(agreement(judge, human).estimates) == NOMINAL
    assert set(agreement(judge, human, level="ordinal").estimates) == ORDINAL
    assert set(agreement(judge, human, level="interval").estimates) == INTERVAL


def test_two_categories_add_sensitivity_and_specificity() -> None:
    report = agreement([1, 1, 0, 0, 1], [1, 1, 0, 1, 0])

    assert report.sensitivity is not None
    assert report.specificity is not None
    assert (report.sensitivity.value, report.specificity.value) == (pytest.approx(2 / 3), 0.5)


def test_the_table_has_the_experts_in_rows() -> None:
    report = agreement([2, 2, 1], [1, 2, 1])

    assert report.categories == (1.0, 2.0)
    assert report.table == ((1, 1), (0, 1))


def test_the_report_names_its_coefficients() -> None:
    report = agreement(*unfold(ABSTRACTORS), level="ordinal")

    named = (report.percent, report.kappa, report.weighted_kappa, report.ac1, report.ac2)
    assert [one.value for one in named if one] == pytest.approx(
        [0.89, 0.79641, 0.89216, 0.84933, 0.94024], abs=5e-6
    )
    assert report.alpha is not None
    assert report.sensitivity is None


def test_equal_ratings_leave_reasons_and_no_zero_or_one() -> None:
    report = agreement([1] * 40, [1] * 40, level="interval")

    assert set(report.estimates) == {"percent"}
    assert report.percent.low < 1.0
    assert set(report.undefined) == INTERVAL - {"percent"}
    assert report.warnings[0] == "the judge gives 1 to every item."


def test_a_class_without_labels_has_no_rate() -> None:
    report = agreement([1, 0, 1, 1], [1, 1, 1, 1])

    assert report.specificity is None
    assert "no item into that class" in report.undefined["specificity"]


def test_missing_verdicts_are_bounded_and_said() -> None:
    report = agreement([1, 1, 0, NAN, NAN], [1, 1, 1, 1, 0])

    assert (report.n, report.n_judged, report.n_unjudged) == (3, 3, 2)
    assert (report.percent_bounds.low, report.percent_bounds.high) == (0.4, 0.8)
    assert any("2 labelled items have no verdict" in warning for warning in report.warnings)


def test_lopsided_labels_are_said() -> None:
    human = np.array([0.0] * 3 + [1.0] * 97)
    judge = np.array([0.0] * 2 + [1.0] * 98)

    report = agreement(judge, human)

    assert any("pulls kappa and alpha down" in warning for warning in report.warnings)


def test_a_continuous_score_has_no_table_but_correlations() -> None:
    rng = np.random.default_rng(0)
    human = rng.normal(size=50)

    report = agreement(human + rng.normal(size=50), human, level="interval")

    assert report.table == ()
    assert report.categories == ()
    assert {"spearman", "kendall", "icc_single", "alpha", "bias"} <= set(report.estimates)
    assert {"kappa", "ac1", "weighted_kappa", "ac2"} == set(report.undefined)


def test_no_overlap_is_undefined() -> None:
    with pytest.raises(Undefined, match="no overlap"):
        agreement([1, NAN], [NAN, 0])


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="level must be nominal"):
        agreement([1], [1], level="ratio")  # pyright: ignore[reportArgumentType] - that is the test


def test_every_interval_has_width() -> None:
    rng = np.random.default_rng(0)
    human = rng.integers(1, 6, 30).astype(np.float64)
    judge = np.clip(human + rng.integers(-1, 2, 30), 1, 5)

    report = agreement(judge, human, level="interval")

    assert all(one.low < one.high for one in report.estimates.values())
    assert all(one.low <= one.value <= one.high for one in report.estimates.values())
