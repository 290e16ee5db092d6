"""Knowing and doing: gaps, quadrants, association, items that function differently."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvalues.dif import ItemDifference, SettingAnswer, item_differences
from cvalues.knowing_doing import (
    LEAST_SYSTEMS,
    Quadrant,
    Rate,
    association,
    gap_report,
    quadrant_name,
)
from cvalues.taxonomy import published_numbers

FRACTIONS = st.floats(0.0, 1.0)


def around(value: float, reach: float = 0.02) -> Rate:
    """Give a number and an interval around it."""
    return Rate(value, max(value - reach, 0.0), min(value + reach, 1.0))


@pytest.mark.parametrize(
    ("knowing", "doing", "quadrant"),
    [
        (0.95, 0.90, "knows_and_does"),
        (0.95, 0.40, "knows_but_does_not"),
        (0.55, 0.90, "does_without_knowing"),
        (0.55, 0.40, "neither"),
    ],
)
def test_the_four_quadrants_are_named(knowing: float, doing: float, quadrant: Quadrant) -> None:
    (gap,) = gap_report({"law": around(knowing)}, {"law": around(doing)}).groups

    assert (gap.quadrant, gap.settled) == (quadrant, True)


def test_a_quadrant_whose_bound_lies_in_an_interval_is_not_settled() -> None:
    (gap,) = gap_report({"law": around(0.95)}, {"law": around(0.79)}).groups

    assert (gap.quadrant, gap.settled) == ("knows_but_does_not", False)


def test_the_gap_has_the_interval_of_a_difference() -> None:
    (gap,) = gap_report({"a": Rate(0.9, 0.87, 0.92)}, {"a": Rate(0.6, 0.56, 0.64)}).groups

    # by hand: 0.3 - sqrt(0.03**2 + 0.04**2), 0.3 + sqrt(0.02**2 + 0.04**2)
    ends = (gap.gap.value, gap.gap.low, gap.gap.high)
    assert ends == pytest.approx((0.3, 0.25, 0.3 + 0.0447214), abs=1e-6)


def test_groups_come_with_the_widest_gap_first_and_none_is_dropped() -> None:
    knowing = {"a": around(0.9), "b": around(0.9), "c": around(0.9)}
    doing = {"a": around(0.8), "b": around(0.5), "d": around(0.5)}

    report = gap_report(knowing, doing)

    assert [gap.group for gap in report.groups] == ["b", "a"]
    assert (report.only_knowing, report.only_doing) == (("c",), ("d",))


@given(st.tuples(FRACTIONS, FRACTIONS, FRACTIONS), st.tuples(FRACTIONS, FRACTIONS, FRACTIONS))
def test_a_gap_lies_in_its_interval_and_turns_with_its_sides(
    first: tuple[float, ...], second: tuple[float, ...]
) -> None:
    low, value, high = sorted(first)
    a = Rate(value, low, high)
    low, value, high = sorted(second)
    b = Rate(value, low, high)

    gap = gap_report({"g": a}, {"g": b}).groups[0].gap
    turned = gap_report({"g": b}, {"g": a}).groups[0].gap

    assert -1.0 <= gap.low <= gap.value <= gap.high <= 1.0
    assert (turned.low, turned.high) == pytest.approx((-gap.high, -gap.low))


def test_a_mean_that_was_not_scaled_is_refused() -> None:
    with pytest.raises(ValueError, match="scale means to fractions first"):
        gap_report({"a": around(0.9)}, {"a": Rate(7.3, 6.4, 8.2)})


def test_every_quadrant_has_a_name_in_both_languages() -> None:
    quadrants: tuple[Quadrant, ...] = (
        "knows_and_does",
        "knows_but_does_not",
        "does_without_knowing",
        "neither",
    )

    for quadrant in quadrants:
        assert quadrant_name(quadrant, "zh") != quadrant_name(quadrant, "en")


# Over systems.


def systems(
    *pairs: tuple[float | None, float | None],
) -> dict[str, tuple[float | None, float | None]]:
    return {f"system-{number}": pair for number, pair in enumerate(pairs)}


def test_few_systems_give_a_sentence_and_no_number() -> None:
    found = association(systems((0.9, 0.8), (0.8, 0.7), (0.7, 0.9), (0.6, 0.5)))

    assert (found.n, found.rho, found.p) == (4, None, None)
    assert found.sentence["en"].startswith("4 systems are too few to say")
    assert found.sentence["zh"].startswith("只有 4 个模型")


def test_a_system_without_one_of_the_numbers_is_not_counted() -> None:
    assert association(systems((0.9, 0.8), (0.8, None), (None, 0.9))).n == 1


def test_five_systems_in_the_same_order_have_the_exact_p_value() -> None:
    found = association(systems(*((0.5 + k / 10, 0.4 + k / 10) for k in range(5))))

    # 2 of 120 orders are as extreme
    assert found.p == pytest.approx(2 / 120)
    assert found.rho is not None
    assert (found.rho.value, found.rho.high) == pytest.approx((1.0, 1.0))
    assert found.rho.low < 0.9


def test_a_correlation_over_many_systems_agrees_with_a_table() -> None:
    know = [7, 1, 2, 5, 4, 3, 6, 9, 8, 10]
    do = [6, 2, 1, 5, 3, 4, 7, 10, 9, 8]

    found = association(systems(*((k / 10, d / 10) for k, d in zip(know, do, strict=True))))

    # squared rank differences sum to 12: rho = 1 - 6 * 12 / (10 * 99) = 0.92727
    # z = 1.63856, its deviation sqrt((1 + rho**2 / 2) / 7) = 0.45197: tanh(z -+ 1.96 * 0.45197)
    assert found.rho is not None
    assert found.rho.value == pytest.approx(1 - 72 / 990)
    assert (found.rho.low, found.rho.high) == pytest.approx((0.6368, 0.9872), abs=1e-4)
    assert found.sentence["en"].endswith("systems with better recognition behave better.")


def test_an_uncertain_correlation_is_called_open() -> None:
    found = association(systems((0.9, 0.5), (0.8, 0.9), (0.7, 0.6), (0.6, 0.8), (0.5, 0.4)))

    assert "leaves its sign open" in found.sentence["en"]


def test_systems_that_all_score_the_same_have_no_correlation() -> None:
    found = association(systems(*((0.9, k / 10) for k in range(LEAST_SYSTEMS))))

    assert found.rho is None
    assert "nothing to correlate" in found.sentence["en"]


# Items in two settings.


def planted(
    *, people: int, odd: dict[str, float], impact: float, seed: int = 11
) -> tuple[ItemDifference, ...]:
    """Simulate 30 items in two languages; some are harder in English by log-odds of their own."""
    rng = np.random.default_rng(seed)
    ease = rng.normal(0.7, 0.8, 30)
    answers: list[SettingAnswer] = []
    for number in range(people):
        ability = rng.normal(0.0, 1.0)
        for setting in ("zh", "en"):
            for item in range(30):
                penalty = impact + odd.get(f"i{item}", 0.0) if setting == "en" else 0.0
                chance = 1.0 / (1.0 + np.exp(-(ability + ease[item] - penalty)))
                right = bool(rng.random() < chance)
                answers.append(SettingAnswer(f"i{item}", setting, f"m{number}", right))
    return item_differences(answers, ("zh", "en"))


def test_an_item_that_one_language_makes_harder_is_flagged() -> None:
    found = planted(people=120, odd={"i3": 2.5}, impact=0.0)

    assert [each.item for each in found if each.flagged] == ["i3"]
    assert found[3].delta is not None
    assert found[3].delta < 0.0


def test_a_language_that_is_harder_as_a_whole_flags_no_item() -> None:
    found = planted(people=120, odd={}, impact=0.8)

    assert [each.item for each in found if each.flagged] == []


def test_flags_without_any_difference_stay_under_their_level() -> None:
    flagged = [
        any(each.flagged for each in planted(people=40, odd={}, impact=0.0, seed=seed))
        for seed in range(20)
    ]

    # every flag is false here, so a run has one with 5 % at most; 4 of 20 would be 1 in 60
    assert sum(flagged) <= 3


def test_exchanging_the_settings_turns_the_difference() -> None:
    answers = [
        SettingAnswer(
            f"i{item}", setting, f"m{number}", (number * 7 + item * 3 + (setting == "en")) % 5 > 1
        )
        for number in range(12)
        for item in range(6)
        for setting in ("zh", "en")
    ]

    one = item_differences(answers, ("zh", "en"))
    other = item_differences(answers, ("en", "zh"))

    for first, second in zip(one, other, strict=True):
        assert first.p == pytest.approx(second.p)
        assert first.delta is None or first.delta == pytest.approx(-(second.delta or 0.0))


def test_a_single_answerer_says_nothing_of_any_item() -> None:
    answers = [SettingAnswer("i", setting, "m", setting == "zh") for setting in ("zh", "en")]

    (found,) = item_differences(answers, ("zh", "en"))

    assert (found.n, found.odds_ratio, found.p, found.flagged) == (2, None, None, False)


def test_an_answer_that_could_not_be_read_is_left_out() -> None:
    answers = [SettingAnswer("i", s, "m", None if s == "zh" else True) for s in ("zh", "en", "zh")]

    with pytest.raises(ValueError, match="no answers in the setting 'zh'"):
        item_differences(answers, ("zh", "en"))


# What was published.


def test_every_published_number_has_a_source_and_is_at_least_medium() -> None:
    numbers = published_numbers()

    assert len({number.key for number in numbers}) == len(numbers) == 9
    assert all(number.source and number.confidence in {"high", "medium"} for number in numbers)


def test_the_alignment_experiment_is_the_share_of_its_grades() -> None:
    for number in published_numbers():
        if number.grades is not None:
            good = number.grades["A"] + number.grades["B"]
            assert number.value == pytest.approx(good / number.n, abs=5e-5)
            assert sum(number.grades.values()) == number.n
