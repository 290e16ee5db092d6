"""The risk of one look among several; expected values from published tables."""

import numpy as np
import pytest
from scipy import special

from calibration.pair_planning import hard_floor
from calibration.sequential import boundaries, fewest_at_look, look_error, spent, spent_by_labels


def of(spending: list[float]) -> tuple[float, ...]:
    return tuple(after - before for before, after in zip([0.0, *spending], spending, strict=False))


def test_five_looks_have_the_boundaries_that_lan_and_demets_print() -> None:
    # Lan and DeMets (1983), table 1, O'Brien-Fleming-like spending at 2.5 % one-sided.
    half = float(special.ndtri(1 - 0.0125))
    times: list[float] = np.sqrt(np.arange(1, 6) / 5).tolist()
    spending = [2 * float(special.ndtr(-half / time)) for time in times]

    found = boundaries(of(spending), (1.0, 2.0, 3.0, 4.0, 5.0))

    assert found == pytest.approx((4.877, 3.357, 2.680, 2.290, 2.031), abs=0.004)


def test_five_looks_have_the_boundaries_of_pocock() -> None:
    # Lan and DeMets (1983), table 1, Pocock-like spending at 2.5 % one-sided.
    spending = [float(0.025 * np.log1p((np.e - 1) * k / 5)) for k in range(1, 6)]

    found = boundaries(of(spending), (1.0, 2.0, 3.0, 4.0, 5.0))

    assert found == pytest.approx((2.438, 2.427, 2.410, 2.397, 2.386), abs=0.005)


def test_one_planned_look_tests_at_the_whole_risk() -> None:
    assert look_error([80], looks=1, error=0.05) == pytest.approx(0.05)


def test_a_look_beyond_those_planned_has_no_risk_left() -> None:
    assert look_error([10, 20, 30], looks=2, error=0.05) == 0.0
    assert spent(7, 5, error=0.05) == 0.05


def test_no_look_tests_at_more_than_the_whole_risk() -> None:
    for looks in (2, 5, 20):
        for step in (1.0, 1.1, 2.0):
            labels = [50.0 * step**k for k in range(looks)]
            risks = [look_error(labels[: k + 1], looks=looks, error=0.05) for k in range(looks)]
            assert all(0.0 < risk <= 0.05 for risk in risks)


def test_all_looks_together_keep_to_the_risk_for_normal_statistics() -> None:
    labels = [60.0, 75.0, 100.0, 160.0, 200.0]
    risks = [look_error(labels[: k + 1], looks=5, error=0.05) for k in range(5)]
    rng = np.random.default_rng(1)
    steps = rng.standard_normal((200_000, 5)) * np.sqrt(np.diff([0.0, *labels]))
    statistics = np.cumsum(steps, axis=1) / np.sqrt(labels)

    crossed = (statistics > -special.ndtri(risks)).any(axis=1).mean()

    assert crossed == pytest.approx(0.05, abs=0.002)


def test_labels_that_were_taken_back_make_the_look_stricter() -> None:
    assert look_error([200, 100], looks=5, error=0.05) < look_error([100, 200], looks=5, error=0.05)


@pytest.mark.parametrize(
    ("labels", "looks", "error", "words"),
    [
        ([], 5, 0.05, "every look must have labels"),
        ([0.0], 5, 0.05, "every look must have labels"),
        ([10.0], 0, 0.05, "looks must be 1 to 100"),
        ([10.0], 5, 0.5, "error"),
    ],
)
def test_what_makes_no_sense_is_refused(
    labels: list[float], looks: int, error: float, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        look_error(labels, looks=looks, error=error)


def test_planned_labels_spend_most_of_the_risk_by_their_number_and_never_all_of_it() -> None:
    # u**6 / (u**6 + 0.7) at u = 0.5, 1 and 2, of a risk of 5 %.
    found = [spent_by_labels(n, 200, error=0.05) for n in (100, 200, 400)]

    assert found == pytest.approx([0.001092, 0.029412, 0.049459], abs=1e-6)
    assert look_error([200], looks=100, error=0.05, planned=200) == pytest.approx(0.0294, abs=1e-4)


def test_with_planned_labels_any_number_of_looks_keeps_to_the_risk_for_normal_statistics() -> None:
    labels = np.arange(40.0, 641.0, 40.0)
    risks = [
        look_error(labels[: k + 1].tolist(), looks=100, error=0.05, planned=200)
        for k in range(labels.size)
    ]
    rng = np.random.default_rng(1)
    steps = rng.standard_normal((200_000, labels.size)) * np.sqrt(40.0)
    statistics = np.cumsum(steps, axis=1) / np.sqrt(labels)

    crossed = (statistics > -special.ndtri(risks)).any(axis=1).mean()

    assert crossed == pytest.approx(spent_by_labels(640, 200, error=0.05), abs=0.002)


def test_the_fewest_labels_at_a_look_can_pass_and_one_fewer_cannot() -> None:
    def least(risk: float) -> int:
        return hard_floor(0.05, error=risk)

    for planned in (None, 80, 150, 400):
        for counted in ([], [130]):
            looks = 5 if planned is None else 100
            n = fewest_at_look(counted, fewest=least, looks=looks, error=0.05, planned=planned)

            def risk(
                labels: int, counted: list[int] = counted, planned: int | None = planned
            ) -> float:
                return look_error([*counted, labels], looks=5, error=0.05, planned=planned)

            assert least(risk(n)) <= n
            assert least(risk(n - 1)) > n - 1
