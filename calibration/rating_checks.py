"""Checks of ratings that users bring: one wrong row and none is taken."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from calibration.ratings import Rating, RatingScale, Unit
from calibration.tables.errors import TableError
from calibration.tables.printable import clipped
from calibration.tables.rows import nearest


@dataclass(frozen=True, slots=True)
class Found:
    """A rating as a file has it.

    Attributes
    ----------
    rating : Rating
    where : str
        Its place, to point at it from another one's error.
    fail : callable
        Makes the error that points at it, from what is wrong and how to mend it.
    """

    rating: Rating
    where: str
    fail: Callable[[str, str], TableError]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the ratings must keep to.

    Attributes
    ----------
    scales : mapping of str to RatingScale, or None
        By criterion, and no other criteria; None where nothing is declared.
    units : collection of Unit, or None
        The units that may be rated; None for any.
    """

    scales: Mapping[str, RatingScale] | None = None
    units: Collection[Unit] | None = None


def check_ratings(found: Iterable[Found], expected: Expected) -> tuple[Rating, ...]:
    """Take all ratings, or refuse them all.

    Raises
    ------
    TableError
        At the first with blanks around a name, a criterion or unit that is not known, a score off
        its scale, a unit under two groups, or a rating that is there already.
    """
    taken: dict[tuple[Unit, str, str, int], Found] = {}
    grouped: dict[Unit, Found] = {}
    names = _Names(expected)
    for one in found:
        rating = one.rating
        names.check(one)
        _check_score(one, expected.scales)
        key = rating.unit, rating.rater, rating.criterion, rating.repeat
        if key in taken:
            raise one.fail(
                f"'{clipped(rating.rater)}' rated {clipped(str(rating.unit))} on "
                f"'{clipped(rating.criterion)}' already, at {taken[key].where}",
                "keep one of the two",
            )
        taken[key] = one
        _check_group(one, grouped)
    return tuple(one.rating for one in taken.values())


class _Names:
    """Known units and criteria, prepared once for many ratings."""

    def __init__(self, expected: Expected) -> None:
        self._units = None if expected.units is None else frozenset(expected.units)
        self._ids = sorted({unit.id for unit in self._units or ()})
        self._criteria = expected.scales

    def check(self, one: Found) -> None:
        """Refuse names with blanks around them and names that are not known."""
        rating = one.rating
        for name in (rating.unit.id, rating.unit.system, rating.rater, rating.criterion):
            if name != name.strip():
                raise one.fail(f"'{clipped(name)}' has blanks around it", "remove them")
        if self._criteria is not None and rating.criterion not in self._criteria:
            raise one.fail(
                f"unknown criterion '{clipped(rating.criterion)}'",
                _meant(rating.criterion, self._criteria),
            )
        if self._units is not None and rating.unit not in self._units:
            raise one.fail(
                f"unknown item {clipped(str(rating.unit))}", _meant(rating.unit.id, self._ids)
            )


def _meant(name: str, known: Collection[str]) -> str:
    if name in known:
        return "that id is known, but with another system or sample"
    close = nearest(name, known)
    return f"is '{clipped(close)}' meant" if close else "it belongs to another run or rubric"


def _check_score(one: Found, scales: Mapping[str, RatingScale] | None) -> None:
    score = one.rating.score
    if scales is None or score is None:
        return
    scale = scales[one.rating.criterion]
    if not scale.holds(score):
        raise one.fail(
            f"score {score:g} is not on the scale of '{clipped(one.rating.criterion)}'",
            f"give one of {scale}" if scale.levels else f"give {scale}",
        )


def _check_group(one: Found, grouped: dict[Unit, Found]) -> None:
    if one.rating.group is None:
        return
    first = grouped.setdefault(one.rating.unit, one)
    if first.rating.group != one.rating.group:
        raise one.fail(
            f"{clipped(str(one.rating.unit))} stands in group '{clipped(one.rating.group)}', but "
            f"at {first.where} in '{clipped(str(first.rating.group))}'",
            "give each item one group",
        )
