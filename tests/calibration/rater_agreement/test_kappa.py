import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.estimate import Undefined
from calibration.rater_agreement.nominal import (
    Weights,
    cohen_kappa,
    gwet_ac1,
    gwet_ac2,
    weighted_kappa,
)
from tests.calibration.rater_agreement.published import (
    ABSTRACTORS,
    DIAGNOSES,
    MAMMOGRAMS,
    PARADOX,
    unfold,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("table", "value"),
    [
        (ABSTRACTORS, 0.7964094),  # irrCAC, kappa2.table(cont3x3abstractors)
        (DIAGNOSES, 0.67647),  # Fleiss prints .68; irrCAC 0.67647
        (PARADOX, -0.0234),  # Gwet (2002)
        (MAMMOGRAMS, 0.4728),  # Stata Base Reference Manual, kappa, example 1
        ([[40, 9], [6, 45]], 0.70),  # Feinstein & Cicchetti (1990), J. Clin. Epi. 43(6), 543
        ([[80, 10], [5, 5]], 0.32),  # the same agreement of .85, other marginals
    ],
)
def test_kappa_is_that_of_the_published_tables(table: list[list[int]], value: float) -> None:
    kappa = cohen_kappa(*unfold(table))

    assert kappa.value == pytest.approx(value, abs=5e-3 if value in {0.70, 0.32} else 5e-5)


@pytest.mark.parametrize(
    ("table", "weights", "value"),
    [
        (MAMMOGRAMS, "linear", 0.5684),  # Stata Base Reference Manual, kappa, example 2
        (MAMMOGRAMS, "quadratic", 0.6714),
    ],
)
def test_weighted_kappa_is_that_of_the_published_tables(
    table: list[list[int]], weights: Weights, value: float
) -> None:
    assert weighted_kappa(*unfold(table), weights=weights).value == pytest.approx(value, abs=5e-5)


@pytest.mark.parametrize(
    ("table", "weights", "value"),
    [
        (ABSTRACTORS, "quadratic", 0.89216),  # all from irrCAC 0.4.4, CAC(table).cohen()
        (ABSTRACTORS, "linear", 0.84290),
        (DIAGNOSES, "quadratic", 0.75532),
        (DIAGNOSES, "linear", 0.72222),
        (DIAGNOSES, "identity", 0.67647),
    ],
)
def test_weighted_kappa_is_that_of_the_reference_package(
    table: list[list[int]], weights: Weights, value: float
) -> None:
    assert weighted_kappa(*unfold(table), weights=weights).value == pytest.approx(value, abs=5e-6)


@pytest.mark.parametrize(
    ("table", "value"),
    [
        (ABSTRACTORS, 0.8493305),  # irrCAC, gwet.ac1.table(cont3x3abstractors)
        (DIAGNOSES, 0.86757),  # irrCAC 0.4.4
        (PARADOX, 0.9408),  # Gwet (2002)
    ],
)
def test_ac1_is_that_of_the_published_tables(table: list[list[int]], value: float) -> None:
    assert gwet_ac1(*unfold(table)).value == pytest.approx(value, abs=5e-5)


@pytest.mark.parametrize(
    ("table", "weights", "value"),
    [
        (ABSTRACTORS, "quadratic", 0.94024),  # all from irrCAC 0.4.4, CAC(table).gwet()
        (ABSTRACTORS, "linear", 0.90002),
        (DIAGNOSES, "quadratic", 0.91304),
        (DIAGNOSES, "linear", 0.89550),
    ],
)
def test_ac2_is_that_of_the_reference_package(
    table: list[list[int]], weights: Weights, value: float
) -> None:
    assert gwet_ac2(*unfold(table), weights=weights).value == pytest.approx(value, abs=5e-6)


@pytest.mark.parametrize("coefficient", [cohen_kappa, weighted_kappa, gwet_ac1, gwet_ac2])
def test_equal_ratings_have_no_agreement_beyond_chance(coefficient: type) -> None:
    with pytest.raises(Undefined, match="all ratings are equal"):
        coefficient([1, 1, 1], [1, 1, 1])


@pytest.mark.parametrize("coefficient", [cohen_kappa, weighted_kappa, gwet_ac1, gwet_ac2])
def test_perfect_agreement_still_has_an_interval(coefficient: type) -> None:
    found = coefficient([0, 1] * 15, [0, 1] * 15)

    assert found.value == 1.0
    assert found.low < 0.95
    assert found.high == 1.0


def test_no_overlap_is_undefined() -> None:
    with pytest.raises(Undefined, match="no overlap"):
        cohen_kappa([1, NAN], [NAN, 1])


def test_an_infinite_rating_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="human holds an infinite value"):
        cohen_kappa([1, 0], [1, float("inf")])


def test_a_rating_outside_the_declared_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="rating 4 is not among the categories"):
        cohen_kappa([1, 2, 4], [1, 2, 3], categories=[1, 2, 3])


def test_a_continuous_score_has_no_table() -> None:
    scores = np.linspace(0, 1, 40)

    with pytest.raises(Undefined, match="40 different values"):
        cohen_kappa(scores, scores)


def test_a_level_that_nobody_used_lowers_the_chance_of_ac1() -> None:
    judge, human = [1, 2, 2, 1, 1], [1, 2, 1, 1, 1]

    assert gwet_ac1(judge, human, categories=[1, 2, 3]).value > gwet_ac1(judge, human).value


def test_the_same_ratings_give_the_same_digits() -> None:
    assert gwet_ac1(*unfold(ABSTRACTORS)) == gwet_ac1(*unfold(ABSTRACTORS))


pairs = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=2, max_size=30)


@settings(deadline=None, max_examples=60)
@given(pairs)
def test_swapping_the_raters_changes_no_value(ratings: list[tuple[int, int]]) -> None:
    judge, human = np.array(ratings, dtype=np.float64).T
    if np.ptp(np.concatenate([judge, human])) == 0.0:
        return

    for coefficient in (cohen_kappa, weighted_kappa, gwet_ac1, gwet_ac2):
        one, other = coefficient(judge, human), coefficient(human, judge)
        assert one.value == pytest.approx(other.value)
        assert one.low < one.high
        assert one.low <= one.value <= one.high <= 1.0
