"""Knowing and doing: how far recognising the better reply goes with writing acceptable ones.

Knowing is the accuracy on multi-choice items, doing the share of a model's own replies that are
acceptable, corrected for the judge's errors where expert labels exist. Both are fractions with
intervals. They come from different answers, so their errors are taken as independent. What all of
it is called, in Chinese and English, is in `gap_words.json`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal, Protocol

from judge.records import Language

ENOUGH: Final = 0.8
"""Where knowing and doing begin, by this project's convention: half of the items are right by
chance, so 0.8 is three fifths of the way from chance to perfect."""

Quadrant = Literal["knows_and_does", "knows_but_does_not", "does_without_knowing", "neither"]


class Bounded(Protocol):
    """A number and its interval; a share, an estimate and a rate all are one."""

    @property
    def value(self) -> float:
        """The number."""
        ...

    @property
    def low(self) -> float:
        """Lower end of its interval."""
        ...

    @property
    def high(self) -> float:
        """Upper end of its interval."""
        ...


@dataclass(frozen=True, slots=True)
class Rate:
    """A number with its interval, ``low <= value <= high``."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Knowing and doing in one group.

    Attributes
    ----------
    group : str
        Scenario or domain.
    knowing, doing : Rate
        Fractions.
    gap : Rate
        Knowing minus doing, in [-1, 1].
    quadrant : Quadrant
        By the two values.
    settled : bool
        Whether both intervals lie on one side of their bounds; else the quadrant is a guess.
    """

    group: str
    knowing: Rate
    doing: Rate
    gap: Rate
    quadrant: Quadrant
    settled: bool


@dataclass(frozen=True, slots=True)
class GapReport:
    """All groups that have both numbers, the widest gap first, and those that lack one."""

    groups: tuple[Gap, ...]
    only_knowing: tuple[str, ...]
    only_doing: tuple[str, ...]


def gap_report(knowing: Mapping[str, Bounded], doing: Mapping[str, Bounded]) -> GapReport:
    """Put knowing and doing side by side in each group.

    Parameters
    ----------
    knowing, doing : Mapping of str to a number with its interval
        By group; fractions.

    Returns
    -------
    GapReport
        The intervals of the gaps by the method of variance estimates recovered from the limits.

    Raises
    ------
    ValueError
        If a number is no fraction.

    References
    ----------
    Zou and Donner (2008), Statistics in Medicine 27(10), 1693-1702, intervals for differences.
    """
    both = [name for name in knowing if name in doing]
    gaps = [_gap(name, _rate(knowing[name]), _rate(doing[name])) for name in both]
    return GapReport(
        groups=tuple(sorted(gaps, key=lambda gap: (-abs(gap.gap.value), gap.group))),
        only_knowing=tuple(name for name in knowing if name not in doing),
        only_doing=tuple(name for name in doing if name not in knowing),
    )


def _gap(group: str, knowing: Rate, doing: Rate) -> Gap:
    knows, does = knowing.value >= ENOUGH, doing.value >= ENOUGH
    clear = [not rate.low < ENOUGH <= rate.high for rate in (knowing, doing)]
    return Gap(
        group=group,
        knowing=knowing,
        doing=doing,
        gap=_difference(knowing, doing),
        quadrant=_QUADRANTS[knows, does],
        settled=all(clear),
    )


_QUADRANTS: Final[Mapping[tuple[bool, bool], Quadrant]] = {
    (True, True): "knows_and_does",
    (True, False): "knows_but_does_not",
    (False, True): "does_without_knowing",
    (False, False): "neither",
}


def _difference(a: Rate, b: Rate) -> Rate:
    value = a.value - b.value
    below = math.hypot(a.value - a.low, b.high - b.value)
    above = math.hypot(a.high - a.value, b.value - b.low)
    return Rate(value, max(value - below, -1.0), min(value + above, 1.0))


def _rate(given: Bounded) -> Rate:
    rate = Rate(*_ends(given))
    if not 0.0 <= rate.low <= rate.value <= rate.high <= 1.0:
        raise ValueError(f"not fractions in order: {rate}; scale means to fractions first.")
    return rate


def _ends(given: Bounded) -> tuple[float, float, float]:
    return given.value, given.low, given.high


def quadrant_name(quadrant: Quadrant, lang: Language) -> str:
    """Give the name of a quadrant to a reader."""
    return _words()["quadrants"][quadrant][lang]


def association_sentence(which: str, numbers: Mapping[str, float]) -> Mapping[Language, str]:
    """Say what a correlation over systems shows, or why it shows nothing."""
    texts = _words()["association"][which]
    languages: tuple[Language, Language] = ("zh", "en")
    return {lang: texts[lang].format(**numbers) for lang in languages}


def lead_sentence(system: str, quadrant: Quadrant, *, count: int, of: int, lang: Language) -> str:
    """Say how many groups of a system have the signature that most of them have."""
    pattern = _words()["lead"]["system"][lang]
    return pattern.format(system=system, count=count, of=of, name=quadrant_name(quadrant, lang))


def published_words(lang: Language) -> Mapping[str, str]:
    """Give the words of a paragraph on published numbers."""
    return _words()["published"][lang]


@cache
def _words() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return json.loads(files("cvalues").joinpath("gap_words.json").read_text("utf-8"))
