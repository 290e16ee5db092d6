"""Everything that was said of a set of responses, and what is asked of it, before it is cut up."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from calibration.bias import is_chinese, log_length
from calibration.validation import FloatArray
from judge.errors import ConfigError
from judge.ratings import middle
from judge.records import Provenance
from judge.trust.part import Counting, Unit

Series = tuple[str, str | None, str]
"""Judge, rubric, criterion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the caller declares. Mappings are by criterion, None for all without an entry.

    Attributes
    ----------
    group : str
        Column that names the group of an item.
    cluster : str or None
        Column that names the prompt that items share; None where items are on their own.
    scales : mapping of str or None to (float, float)
        Ends of the scale, where no rubric says them.
    at_least : mapping of str or None to float
        The level from which on an item passes: the criterion is then counted as a rate.
    only : mapping of str or None to tuple of str
        The groups that a criterion is asked of; all where there is no entry.
    judge : str or None
        The one judge whose scores are asked for; None for all.
    gold : str or None
        The rater whose labels settle the items, such as an adjudicator.
    covariates : tuple of str
        Columns with properties of the responses that should not move the judge.
    """

    group: str = "group"
    cluster: str | None = None
    scales: Mapping[str | None, tuple[float, float]] = field(
        default_factory=dict[str | None, tuple[float, float]]
    )
    at_least: Mapping[str | None, float] = field(default_factory=dict[str | None, float])
    only: Mapping[str | None, tuple[str, ...]] = field(
        default_factory=dict[str | None, tuple[str, ...]]
    )
    judge: str | None = None
    gold: str | None = None
    covariates: tuple[str, ...] = ()

    def threshold(self, criterion: str) -> float | None:
        """Give the level from which on an item passes, where one was declared."""
        return self.at_least.get(criterion, self.at_least.get(None))

    def groups(self, criterion: str) -> tuple[str, ...] | None:
        """Give the groups that a criterion is asked of; None for all."""
        return self.only.get(criterion, self.only.get(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an item belongs."""

    group: str | None = None
    cluster: str | None = None
    stratum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One expert's level of one item; None where the expert could not assess."""

    unit: Unit
    rater: str
    settles: bool = False
    """Whether it is a third's, given because others disagree on the item."""
    criterion: str
    rubric: str | None = None
    level: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that was said, before it is cut into parts.

    Attributes
    ----------
    places : mapping of unit to Place
        Every item, in order.
    verdicts : mapping of series to mapping of unit to list of float
        The levels that a judge gave, one for each repeat; an empty list for a missing verdict.
    ratings : tuple of Rating
    countings : mapping of (rubric, criterion) to Counting
    question : Question
    provenance : Provenance or None
    traits : mapping of str to mapping of unit to float
        Properties of the responses, where known.
    earlier : mapping of series to mapping of unit to list of float
        What an earlier version of the judge said, as in `verdicts`.
    """

    places: Mapping[Unit, Place]
    verdicts: Mapping[Series, Mapping[Unit, list[float]]]
    ratings: tuple[Rating, ...]
    countings: Mapping[tuple[str | None, str], Counting]
    question: Question
    provenance: Provenance | None = None
    traits: Mapping[str, Mapping[Unit, float]] = field(
        default_factory=dict[str, Mapping[Unit, float]]
    )
    earlier: Mapping[Series, Mapping[Unit, list[float]]] = field(
        default_factory=dict[Series, Mapping[Unit, list[float]]]
    )


def settled(said: Mapping[Unit, list[float]], units: Iterable[Unit]) -> FloatArray:
    """Give the middle level of each unit's repeats; NaN where there is no verdict."""
    return np.array([middle(said.get(unit, [])) for unit in units])


def text_traits(texts: Mapping[Unit, str]) -> dict[str, dict[Unit, float]]:
    """Measure length and language: doublings of characters, and 1 for Chinese; NaN if neither."""
    listed = list(texts.values())
    return {
        "length": dict(zip(texts, log_length(listed).tolist(), strict=True)),
        "chinese": dict(zip(texts, is_chinese(listed).tolist(), strict=True)),
    }


def column_trait(name: str, values: Mapping[Unit, object]) -> tuple[str, dict[Unit, float]]:
    """Read a property from a column of numbers, or of two words.

    Parameters
    ----------
    name : str
        Of the column.
    values : mapping of unit to object
        None or an empty text where the property is not known.

    Returns
    -------
    (str, dict of unit to float)
        Name of the property, and 1 for the second of two words in the order of the alphabet.

    Raises
    ------
    ConfigError
        If no item has a value, or there are words of more than two kinds.
    """
    known = {unit: value for unit, value in values.items() if value is not None and value != ""}
    if not known:
        raise ConfigError(f"--covariate: no item has a value in column {name!r}.")
    numbers = {unit: _number(value) for unit, value in known.items()}
    if not any(math.isnan(number) for number in numbers.values()):
        return name, numbers
    words = sorted({str(value) for value in known.values()})
    if len(words) > 2:
        raise ConfigError(
            f"--covariate: column {name!r} holds {len(words)} different texts, such as "
            f"{words[0][:40]!r}; it takes numbers, or two words."
        )
    return f"{name} = {words[-1]}", {
        unit: float(str(value) == words[-1]) for unit, value in known.items()
    }


def _number(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        return float("nan")
    return number if math.isfinite(number) else float("nan")
