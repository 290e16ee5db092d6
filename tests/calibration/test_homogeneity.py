"""Whether the judge errs alike on all systems."""

import numpy as np
import pytest

from calibration import Undefined, compare_error_rates
from calibration.drift import holm
from calibration.validation import FloatArray


def system(good: tuple[int, int], bad: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Verdicts and labels: right and wrong verdicts on good items, then on bad ones."""
    judge = np.repeat([1.0, 0.0, 0.0, 1.0], [*good, *bad])
    return judge, np.repeat([1.0, 0.0], [sum(good), sum(bad)])


def compared(*systems: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray, list[str]]:
    names = [f"model {n}" for n, one in enumerate(systems) for _ in one[0]]
    return (
        np.concatenate([one[0] for one in systems]),
        np.concatenate([one[1] for one in systems]),
        names,
    )


def test_equal_error_rates_do_not_differ() -> None:
    comparison = compare_error_rates(*compared(system((45, 5), (20, 5)), system((44, 6), (21, 4))))

    assert not comparison.differ
    assert comparison.systems[0].sensitivity == pytest.approx(0.9)
    assert comparison.systems[0].specificity == pytest.approx(0.8)


def test_one_odd_system_is_found_and_named() -> None:
    alike = system((45, 5), (20, 5))

    comparison = compare_error_rates(*compared(alike, alike, system((12, 38), (20, 5))))

    assert comparison.differ
    assert min(comparison.systems, key=lambda one: one.adjusted_p).system == "model 2"


def test_the_p_value_is_fishers_adjusted_by_holm() -> None:
    comparison = compare_error_rates(*compared(system((9, 1), (5, 5)), system((2, 8), (5, 5))))

    # SciPy 1.17, fisher_exact([[9, 1], [2, 8]]): p = 0.005477; it is one of four tests.
    assert comparison.systems[0].adjusted_p == pytest.approx(4 * 0.005477, rel=1e-3)


def test_a_class_that_a_system_never_shows_has_no_rate() -> None:
    comparison = compare_error_rates(*compared(system((5, 5), (0, 0)), system((5, 5), (3, 3))))

    assert comparison.systems[0].specificity is None
    assert comparison.systems[0].n_failed == 0


def test_a_system_with_only_failing_answers_has_no_sensitivity() -> None:
    comparison = compare_error_rates(*compared(system((0, 0), (5, 5)), system((5, 5), (3, 3))))

    assert comparison.systems[0].sensitivity is None


def test_one_system_alone_cannot_be_compared() -> None:
    with pytest.raises(Undefined, match="1 system"):
        compare_error_rates(*compared(system((5, 5), (3, 3))))


@pytest.mark.parametrize(
    ("judge", "human", "names", "word"),
    [
        ([0.5, 1.0], [1.0, 1.0], ["a", "b"], "judge"),
        ([1.0, 1.0], [0.5, 1.0], ["a", "b"], "human"),
        ([1.0, 1.0], [1.0, 1.0], ["a"], "systems"),
        ([1.0, 1.0], [1.0], ["a", "b"], "judge 2, human 1"),
    ],
)
def test_malformed_arrays_are_named(
    judge: list[float], human: list[float], names: list[str], word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        compare_error_rates(judge, human, names)


def test_holm_steps_down() -> None:
    # Holm (1979): the smallest of m by m, the next by m - 1, never falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
