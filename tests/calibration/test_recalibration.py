"""Maps from a judge's probability to the experts' pass rate."""

import numpy as np
import pytest

from calibration import InsufficientLabels
from calibration.recalibration import cross_fitted, fit_map, recalibrate


def _over_confident(size: int = 800) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    chance = rng.uniform(0.02, 0.98, size)
    odds = np.log(chance / (1.0 - chance))
    return 1.0 / (1.0 + np.exp(-3.0 * odds)), (rng.random(size) < chance).astype(float)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_an_over_confident_judge_is_proven_to_gain(method: str) -> None:
    found = recalibrate(*_over_confident(), method=method)  # pyright: ignore[reportArgumentType] - by name

    assert found.proven
    assert found.brier_after < found.brier_before
    assert float(found.map.apply([0.99])[0]) < 0.95


def test_platt_finds_the_slope_that_was_planted() -> None:
    p, y = _over_confident(20_000)

    fitted = fit_map(p, y, np.ones_like(p), method="platt")

    # The judge's log-odds are three times the true ones.
    assert fitted.values[1] == pytest.approx(1.0 / 3.0, abs=0.02)
    assert fitted.values[0] == pytest.approx(0.0, abs=0.05)


def test_a_calibrated_judge_is_not_proven_to_gain() -> None:
    rng = np.random.default_rng(6)
    p = rng.uniform(0.02, 0.98, 300)
    y = (rng.random(300) < p).astype(float)

    found = recalibrate(p, y)

    assert not found.proven
    assert found.gain.low <= 0.0


def test_the_isotonic_map_never_falls() -> None:
    p, y = _over_confident()

    fitted = fit_map(p, y, np.ones_like(p), method="isotonic")

    assert (np.diff(fitted.apply(np.linspace(0.0, 1.0, 101))) >= 0.0).all()


def test_a_label_has_no_part_in_its_own_prediction() -> None:
    p, y = _over_confident(100)
    own = fit_map(p, y, np.ones_like(p), method="isotonic").apply(p)

    predicted = cross_fitted(p, y, np.ones_like(p), method="isotonic")

    # Fitted in sample, isotonic regression follows the labels more closely.
    assert ((own - y) ** 2).mean() < ((predicted - y) ** 2).mean()


def test_labels_that_a_probability_separates_do_not_send_the_slope_to_infinity() -> None:
    p = np.repeat([0.01, 0.99], 50)
    y = np.repeat([0.0, 1.0], 50)

    fitted = fit_map(p, y, np.ones_like(p), method="platt")

    assert np.isfinite(fitted.values).all()
    assert 0.0 < float(fitted.apply([0.01])[0]) < 0.1


def test_missing_probabilities_stay_missing() -> None:
    fitted = fit_map(*_over_confident(), np.ones(800), method="platt")

    assert np.isnan(fitted.apply([np.nan, 0.5])).tolist() == [True, False]


def test_twenty_labels_with_five_of_either_kind_are_needed() -> None:
    with pytest.raises(InsufficientLabels, match="19 labels"):
        recalibrate(np.full(19, 0.5), np.tile([0.0, 1.0], 10)[:19])
