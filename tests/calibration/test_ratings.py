import numpy as np
import pytest
from numpy.testing import assert_array_equal

from calibration.ratings import Rating, RatingScale, Unit, criteria_of, pivot

NAN = float("nan")


def rating(
    name: str, rater: str, score: float | None, *, group: str | None = None, repeat: int = 0
) -> Rating:
    """Give a rating on the criterion safe."""
    return Rating(
        unit=Unit(name), rater=rater, criterion="safe", score=score, group=group, repeat=repeat
    )


def test_ratings_become_units_by_raters_with_nan_for_missing() -> None:
    table = pivot(
        [
            rating("b", "zoe", 1),
            rating("a", "zoe", 0),
            rating("a", "amy", 1),
            rating("c", "amy", None),
        ],
        criterion="safe",
    )

    assert table.units == (Unit("b"), Unit("a"), Unit("c"))
    assert table.raters == ("amy", "zoe")
    assert_array_equal(table.values, [[NAN, 1], [1, 0], [NAN, NAN]])
    assert_array_equal(table.by("zoe"), [1, 0, NAN])


def test_labels_align_with_the_units_of_the_judge() -> None:
    judged = pivot([rating("a", "judge", 1), rating("b", "judge", 0)], criterion="safe")

    labels = pivot([rating("b", "amy", 1, group="law")], criterion="safe", units=judged.units)

    assert_array_equal(labels.by("amy"), [NAN, 1])
    assert labels.groups == (None, "law")


def test_repeats_and_criteria_are_apart() -> None:
    other = Rating(unit=Unit("a", "m", 2), rater="judge", criterion="severity", score=3)
    ratings = [rating("a", "judge", 1), rating("a", "judge", 0, repeat=1), other]

    assert pivot(ratings, criterion="safe", repeat=1).values.item() == 0
    assert pivot(ratings, criterion="severity").systems == ("m",)
    assert criteria_of(ratings) == ("safe", "severity")
    assert pivot(ratings, criterion="none").values.shape == (0, 0)


def test_an_unknown_rater_is_named() -> None:
    table = pivot([rating("a", "amy", 1)], criterion="safe")

    with pytest.raises(KeyError, match="no ratings by 'bob'; raters are amy"):
        table.by("bob")


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        ([rating("a", "amy", 1), rating("a", "amy", 0)], "amy rated 'a' twice on safe"),
        (
            [rating("a", "amy", 1, group="x"), rating("a", "zoe", 1, group="y")],
            "'a' stands in two groups, 'x' and 'y'",
        ),
    ],
)
def test_ratings_that_contradict_each_other_are_refused(
    ratings: list[Rating], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pivot(ratings, criterion="safe")


def test_a_rating_of_no_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="'a' is rated but not among the units"):
        pivot([rating("a", "amy", 1)], criterion="safe", units=[Unit("b")])


def test_a_scale_says_what_it_holds() -> None:
    steps, range_ = RatingScale(1, 3, (1, 2, 3)), RatingScale(0, 1)

    assert [steps.holds(score) for score in (1, 2.5, 4)] == [True, False, False]
    assert [range_.holds(score) for score in (0, 0.5, np.nan)] == [True, True, False]
    assert (str(steps), str(range_)) == ("1, 2, 3", "0 to 1")


@pytest.mark.parametrize(
    ("low", "high", "levels", "message"),
    [(2, 1, (), "goes from low to high"), (0, 1, (2,), "go beyond 0 to 1")],
)
def test_a_scale_that_contradicts_itself_is_refused(
    low: float, high: float, levels: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        RatingScale(low, high, levels)


def test_a_unit_is_said_in_full() -> None:
    assert str(Unit("q7", "qwen", 2)) == "'q7' of qwen, sample 2"
    assert str(Unit("q7")) == "'q7'"
