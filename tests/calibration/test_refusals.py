"""Whatever the ratings, a public function gives intervals with a width or refuses in words."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calibration import (
    Estimate,
    agreement,
    alternative_annotator_test,
    compare_error_rates,
    estimate_difference,
    estimate_mean,
    estimate_rate,
    gate_difference,
    gate_mean,
    gate_rate,
    krippendorff_alpha,
    pilot_from_labels,
)
from calibration.bias import bias_battery
from calibration.conformal import conformal_bands, plan_abstention
from calibration.drift import measure_drift
from calibration.rater_agreement.accuracy import judge_accuracy
from calibration.rater_agreement.human_ceiling import human_ceiling
from calibration.rater_agreement.interval_scale import (
    bland_altman,
    icc_average,
    icc_single,
    kendall,
    spearman,
)
from calibration.rater_agreement.nominal import (
    cohen_kappa,
    gwet_ac1,
    gwet_ac2,
    percent_agreement,
    weighted_kappa,
)
from calibration.rater_agreement.rater_reliability import (
    rater_severity,
    reliability,
    variance_components,
)
from calibration.validation import FloatArray

NAN = float("nan")
Function = Callable[[FloatArray, FloatArray], object]
"""From verdicts, shape (n,), and labels, shape (n, raters), all in 0 to 1."""

FUNCTIONS: Mapping[str, Function] = {
    "estimate_rate": lambda j, h: estimate_rate(j, h[:, 0]),
    "estimate_rate, curated": lambda j, h: estimate_rate(j, h[:, 0], design="curated"),
    "estimate_rate, by verdict": lambda j, h: estimate_rate(j, h[:, 0], design="by-verdict"),
    "gate_rate": lambda j, h: gate_rate(j, h[:, 0]),
    "estimate_mean": lambda j, h: estimate_mean(j, h[:, 0], scale=(0, 1)),
    "gate_mean": lambda j, h: gate_mean(j, h[:, 0], scale=(0, 1)),
    "estimate_difference": lambda j, h: estimate_difference(j, h[:, 0], j[::-1], h[:, -1]),
    "gate_difference": lambda j, h: gate_difference(j, h[:, 0], j[::-1], h[:, -1]),
    "krippendorff_alpha": lambda _, h: krippendorff_alpha(h, resamples=100),
    "krippendorff_alpha, interval": lambda _, h: krippendorff_alpha(
        h, level="interval", resamples=100
    ),
    "agreement, nominal": lambda j, h: agreement(j, h[:, 0], level="nominal"),
    "agreement, ordinal": lambda j, h: agreement(j, h[:, 0], level="ordinal"),
    "agreement, interval": lambda j, h: agreement(j, h[:, 0], level="interval"),
    "alternative_annotator_test": alternative_annotator_test,
    "compare_error_rates": lambda j, h: compare_error_rates(j, h[:, 0], np.arange(len(j)) % 2 == 0),
    "pilot_from_labels": lambda j, h: pilot_from_labels(j, h[:, 0]),
    "plan_abstention": lambda j, h: plan_abstention(j, h[:, 0], np.arange(len(j)) / 1.0),
    "judge_accuracy": lambda j, h: judge_accuracy(j, h[:, 0]),
    "bias_battery": lambda j, h: bias_battery(j, h[:, 0], {"length": np.arange(len(j)) / 1.0}),
    "human_ceiling": lambda j, h: human_ceiling(j, h, coefficient="ac1"),
    "bland_altman": lambda j, h: bland_altman(j, h[:, 0]),
    "spearman": lambda j, h: spearman(j, h[:, 0]),
    "kendall": lambda j, h: kendall(j, h[:, 0]),
    "gwet_ac1": lambda j, h: gwet_ac1(j, h[:, 0]),
    "gwet_ac2": lambda j, h: gwet_ac2(j, h[:, 0]),
    "cohen_kappa": lambda j, h: cohen_kappa(j, h[:, 0]),
    "weighted_kappa": lambda j, h: weighted_kappa(j, h[:, 0]),
    "percent_agreement": lambda j, h: percent_agreement(j, h[:, 0]),
    "icc_single": lambda _, h: icc_single(h),
    "icc_average": lambda _, h: icc_average(h),
    "conformal_bands": lambda j, h: conformal_bands(j, h[:, 0], scale=(0, 1), confidence=0.5),
    "measure_drift": lambda j, h: measure_drift(j, h[:, 0], h[:, -1]),
    "reliability": lambda _, h: reliability(h),
    "variance_components": lambda _, h: variance_components(h),
    "rater_severity": lambda _, h: rater_severity(h),
}

VALUES = st.sampled_from([0.0, 1.0, 1.0, NAN])


@st.composite
def ratings(draw: st.DrawFn) -> tuple[FloatArray, FloatArray]:
    n, raters = draw(st.integers(1, 9)), draw(st.integers(1, 3))
    judge = draw(st.lists(VALUES, min_size=n, max_size=n))
    human = draw(st.lists(VALUES, min_size=n * raters, max_size=n * raters))
    return np.array(judge), np.array(human).reshape(n, raters)


def intervals(found: object) -> Iterator[Estimate]:
    """Give every estimate inside a record, however deep."""
    if isinstance(found, Estimate):
        yield found
    elif isinstance(found, Mapping):
        for value in found.values():  # pyright: ignore[reportUnknownVariableType] - any record
            yield from intervals(value)  # pyright: ignore[reportUnknownArgumentType] - any record
    elif isinstance(found, tuple):
        for value in found:  # pyright: ignore[reportUnknownVariableType] - any record
            yield from intervals(value)  # pyright: ignore[reportUnknownArgumentType] - any record
    elif is_dataclass(found):
        for field in fields(found):
            yield from intervals(getattr(found, field.name))


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=25, deadline=None, derandomize=True)
@example((np.ones(8), np.ones((8, 3))))
@example((np.zeros(8), np.ones((8, 3))))
@example((np.full(6, NAN), np.ones((6, 2))))
@example((np.ones(6), np.full((6, 2), NAN)))
@example((np.array([1.0, 0.0, NAN, NAN]), np.array([[NAN], [NAN], [1.0], [0.0]])))
@example((np.array([1.0, 0.0, 1.0, 0.0]), np.array([[1.0], [0.0], [1.0], [0.0]])))
@given(ratings())
def test_an_interval_has_width_and_holds_its_value_or_there_is_a_refusal(
    name: str, given_ratings: tuple[FloatArray, FloatArray]
) -> None:
    try:
        found = FUNCTIONS[name](*given_ratings)
    except ValueError as refusal:
        found = refusal

    assert not isinstance(found, ValueError) or len(str(found)) > 10
    for each in intervals(found):
        assert all(math.isfinite(end) for end in (each.low, each.value, each.high))
        assert each.low < each.high
        assert each.low <= each.value <= each.high


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_an_infinite_rating_is_refused(name: str, bad: float) -> None:
    human = np.array([[1.0, 0.0, 1.0]] * 5 + [[0.0, 0.0, 1.0]] * 5)
    judge = np.array([1.0, 0.0] * 5)
    judge[3] = human[4, 0] = bad

    with pytest.raises(ValueError, match=r"\w"):
        FUNCTIONS[name](judge, human)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_at_all_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        FUNCTIONS[name](np.array([]), np.empty((0, 2)))
