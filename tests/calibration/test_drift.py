import numpy as np
import pytest

from calibration.drift import change_of_share, mcnemar, measure_drift
from calibration.estimate import Undefined

NAN = float("nan")


@pytest.mark.parametrize(
    ("b", "c", "exact", "mid"),
    [
        # Fagerland, Lydersen & Laake (2013), table 6: airway hyper-responsiveness, 1 against 7.
        (1, 7, 0.0703, 0.0391),
        (0, 0, 1.0, 1.0),
        (5, 5, 1.0, 1.0),
    ],
)
def test_mcnemar_gives_the_published_p_values(b: int, c: int, exact: float, mid: float) -> None:
    found = mcnemar(b, c)

    assert (found.exact_p, found.mid_p) == pytest.approx((exact, mid), abs=5e-5)


def test_the_change_of_a_share_counts_gains_and_losses() -> None:
    before = np.array([True, True, False, False, False, True, True, True, True, True])
    after = np.array([True, False, True, True, False, True, True, True, True, True])

    found = change_of_share(before, after, method="change", confidence=0.95)

    assert found.value == pytest.approx(0.1)
    assert found.low < 0.0 < found.high


def test_no_change_at_all_still_has_an_interval() -> None:
    same = np.ones(40, dtype=np.bool_)

    found = change_of_share(same, same, method="change", confidence=0.95)

    assert (found.value, found.low < 0.0 < found.high) == (0.0, True)


def test_no_item_has_no_change() -> None:
    empty = np.zeros(0, dtype=np.bool_)

    with pytest.raises(Undefined, match="change: there is no item"):
        change_of_share(empty, empty, method="change", confidence=0.95)


def test_flips_need_no_expert() -> None:
    found = measure_drift([1, 1, 0, 0, 1, NAN], [1, 0, 1, 0, NAN, 1])

    assert (found.n, found.flip_rate.value, found.accuracy) == (4, 0.5, None)
    assert (found.direction.b, found.direction.c) == (1, 1)
    assert found.n_silenced == 1
    assert any("no verdict on 1 anchors" in warning for warning in found.warnings)


def test_a_judge_that_became_lenient_is_told_by_direction_and_class() -> None:
    human = [1] * 60 + [0] * 40
    old = [1] * 60 + [0] * 40
    new = [1] * 60 + [0] * 25 + [1] * 15

    found = measure_drift(old, new, human)

    assert found.direction.mid_p < 0.001
    assert found.accuracy is not None
    assert found.accuracy.agreement_change.value == pytest.approx(-0.15)
    assert found.accuracy.agreement_change.high < 0.0
    assert found.accuracy.specificity_change is not None
    assert found.accuracy.specificity_change.value == pytest.approx(-0.375)
    assert found.accuracy.sensitivity_change is not None
    assert found.accuracy.sensitivity_change.value == 0.0


def test_scores_have_no_classes() -> None:
    found = measure_drift([7, 8, 9], [7, 7, 9], [7, 8, 8])

    assert found.accuracy is not None
    assert found.accuracy.sensitivity_change is None
    assert found.accuracy.correctness.b == 1


def test_a_class_without_labels_has_no_change() -> None:
    found = measure_drift([1, 1, 0], [1, 0, 0], [1, 1, 1])

    assert found.accuracy is not None
    assert found.accuracy.specificity_change is None


def test_no_common_anchor_is_undefined() -> None:
    with pytest.raises(Undefined, match="no anchor has a verdict of both"):
        measure_drift([1, NAN], [NAN, 1])


def test_versions_must_align() -> None:
    with pytest.raises(ValueError, match="got 2, 1 and 2"):
        measure_drift([1, 0], [1])
