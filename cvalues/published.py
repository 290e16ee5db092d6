"""The few numbers of CValues that could be found, each with its source and how sure it is.

``high`` was counted or read in the authors' own repository; ``medium`` stands on a third party that
says it read the paper. What could not be found is not here: no other model's multi-choice scores,
no score by safety scenario or responsibility domain, no agreement of annotators.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import Field

from cvalues.gap import published_words
from judge.records import Language, Record
from judge.report.words import Both


class PublishedNumber(Record):
    """One number that a new run can be held against."""

    key: str
    """``mc.`` multi-choice, ``align.`` the authors' alignment experiment."""
    system: str
    value: float = Field(ge=0, le=1)
    """A fraction."""
    n: int
    """Items that it is over."""
    confidence: Literal["high", "medium"]
    what: Mapping[Language, str]
    source: str
    grades: Mapping[str, int] | None = None
    """Counts of the experts' grades, where the number is a share of them."""


@cache
def published_numbers() -> tuple[PublishedNumber, ...]:
    """Give all of them."""
    listed = json.loads(files("cvalues").joinpath("published.json").read_text("utf-8"))
    return tuple(PublishedNumber.model_validate_json(json.dumps(entry)) for entry in listed)


def published_beside(kind: str) -> Both:
    """Write the numbers of a kind in a paragraph, each with how sure it is, then their sources.

    Parameters
    ----------
    kind : str
        Beginning of their keys: ``mc.`` or ``align.``.
    """
    numbers = [number for number in published_numbers() if number.key.startswith(kind)]
    return Both(zh=_paragraph(numbers, "zh"), en=_paragraph(numbers, "en"))


def _paragraph(numbers: Sequence[PublishedNumber], lang: Language) -> str:
    words = published_words(lang)
    listed = words["between"].join(
        words["number"].format(
            system=number.system,
            what=number.what[lang],
            value=number.value,
            n=number.n,
            sure=words[number.confidence],
        )
        for number in numbers
    )
    sources = "; ".join(dict.fromkeys(number.source for number in numbers))
    return words["all"].format(listed=listed, sources=sources)
