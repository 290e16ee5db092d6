"""Items that one setting makes harder than another for equally able models.

The same items are answered in two settings, such as two languages. An item functions differently
where, among answerers who do equally well on the other items of their setting, it is right more
often in one setting than in the other. That one setting is harder as a whole is no such finding.

An answerer is a model. Several samples of it are one answerer, who is right on a share of them:
they err together, so that many samples of few models show those models, not models. I items, R
answerers in each setting.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Final

import numpy as np

from calibration.validation import BoolArray, FloatArray, IntArray

STRATA: Final = 4
"""Most groups of equally able answerers."""
LARGE: Final = 1.0
"""Least size of a difference that is flagged, on the delta scale of the Educational Testing
Service, where 0 is none and 1 begins a slight one."""


@dataclass(frozen=True, slots=True)
class SettingAnswer:
    """One answer.

    Attributes
    ----------
    item : str
        The same in both settings.
    setting : str
    answerer : str
    correct : bool or None
        None where there is no readable answer; it is left out.
    """

    item: str
    setting: str
    answerer: str
    correct: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDifference:
    """What can be said of one item.

    Attributes
    ----------
    item : str
    n : int
        Answers to it, in both settings.
    shares : (float or None, float or None)
        Right answers among those in the first and in the second setting; None without any.
    odds_ratio : float or None
        Odds of being right in the first setting over those in the second, at equal ability; None
        where no equally able answerers differ.
    delta : float or None
        -2.35 log odds ratio: above 0 the first setting is the harder one.
    p, adjusted_p : float or None
        Two-sided, and as adjusted for the number of items (Benjamini and Hochberg).
    flagged : bool
        The adjusted p is below the level and the difference is not negligible.
    """

    item: str
    n: int
    shares: tuple[float | None, float | None]
    odds_ratio: float | None
    delta: float | None
    p: float | None
    adjusted_p: float | None
    flagged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingComparison:
    """All items of two settings.

    Attributes
    ----------
    settings : (str, str)
    answerers : (int, int)
        How many answered in each setting.
    needed : int
        With fewer in each, no item of so many could be flagged; see `answerers_needed`.
    level : float
    items : tuple of ItemDifference
    """

    settings: tuple[str, str]
    answerers: tuple[int, int]
    needed: int
    level: float
    items: tuple[ItemDifference, ...]

    @property
    def tested(self) -> int:
        """How many items have a p-value."""
        return sum(each.p is not None for each in self.items)

    @property
    def flagged(self) -> tuple[ItemDifference, ...]:
        """The items that function differently, the surest first."""
        kept = [each for each in self.items if each.flagged]
        return tuple(sorted(kept, key=lambda each: (each.adjusted_p or 0.0, each.item)))

    def as_dict(self) -> dict[str, object]:
        """Give the public JSON form."""
        return {
            "n": len(self.items),
            "tested": self.tested,
            "flagged": len(self.flagged),
            **asdict(self),
        }


def compare_settings(
    answers: Sequence[SettingAnswer], settings: tuple[str, str], *, level: float = 0.05
) -> SettingComparison:
    """Compare all items between two settings, and say whether so few answerers could tell.

    Parameters, errors and sources are those of `item_differences`.
    """
    people = [{each.answerer for each in answers if each.setting == name} for name in settings]
    items = item_differences(answers, settings, level=level)
    tested = sum(each.p is not None for each in items) or len(items)
    return SettingComparison(
        settings=settings,
        answerers=(len(people[0]), len(people[1])),
        needed=answerers_needed(tested, level=level),
        level=level,
        items=items,
    )


def item_differences(
    answers: Iterable[SettingAnswer],
    settings: tuple[str, str],
    *,
    level: float = 0.05,
) -> tuple[ItemDifference, ...]:
    """Compare each item between two settings.

    Parameters
    ----------
    answers : iterable of SettingAnswer
    settings : (str, str)
        Which two are compared.
    level : float
        Wanted share of false flags among the flags, a fraction.

    Returns
    -------
    tuple of ItemDifference
        In the order in which the items came.

    Raises
    ------
    ValueError
        If a setting has no answers.

    References
    ----------
    Mantel and Haenszel (1959), J. Natl. Cancer Inst. 22, 719-748.
    Holland and Thayer (1988), in Wainer and Braun (eds.), Test Validity, 129-145, the delta scale.
    Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57(1), 289-300.
    """
    table = _table(answers, settings)
    tests = [_compare(table, item) for item in range(len(table.items))]
    tested = {at: test.p for at, test in enumerate(tests) if test.p is not None}
    adjusted = dict(zip(tested, _adjusted(list(tested.values())), strict=True))
    return tuple(
        _difference(name, test, adjusted.get(at), level=level)
        for at, (name, test) in enumerate(zip(table.items, tests, strict=True))
    )


def answerers_needed(items: int, *, level: float = 0.05) -> int:
    """Find with how many answerers in each setting a single item could be flagged at all.

    Parameters
    ----------
    items : int
        Items compared, at least 1.
    level : float
        Wanted share of false flags among the flags.

    Returns
    -------
    int
        The least number for which an item that all get right in one setting and all get wrong in
        the other would be flagged, were they all equally able. Real differences need more.

    Examples
    --------
    >>> answerers_needed(1), answerers_needed(100)
    (4, 9)
    """
    from scipy import special

    wanted = special.chdtri(1, level / items)
    return next(n for n in count(2) if (n - 1) ** 2 * (2 * n - 1) / n**2 > wanted)


@dataclass(frozen=True, slots=True)
class _Table:
    """N answerers' answers to an item; persons are answerers within a setting."""

    items: tuple[str, ...]
    item: IntArray
    second: BoolArray
    """Whether the answer is in the second setting."""
    person: IntArray
    correct: FloatArray


@dataclass(frozen=True, slots=True)
class _Test:
    n: int
    shares: tuple[float | None, float | None]
    for_first: float
    """Sum over strata of right-in-the-first times wrong-in-the-second, by stratum size."""
    for_second: float
    p: float | None


def _table(answers: Iterable[SettingAnswer], settings: tuple[str, str]) -> _Table:
    kept = [a for a in answers if a.correct is not None and a.setting in settings]
    for setting in settings:
        if all(answer.setting != setting for answer in kept):
            raise ValueError(f"no answers in the setting {setting!r}.")
    items = {name: code for code, name in enumerate(dict.fromkeys(a.item for a in kept))}
    persons: dict[tuple[str, str], int] = {}
    given: dict[tuple[int, int], list[float]] = {}
    for answer in kept:
        person = persons.setdefault((answer.setting, answer.answerer), len(persons))
        given.setdefault((items[answer.item], person), []).append(float(bool(answer.correct)))
    second = [setting == settings[1] for setting, _ in persons]
    return _Table(
        items=tuple(items),
        item=np.array([item for item, _ in given], dtype=np.intp),
        second=np.array([second[person] for _, person in given], dtype=np.bool_),
        person=np.array([person for _, person in given], dtype=np.intp),
        # Samples of one model are one answerer: they share what the model does not know.
        correct=np.array([sum(each) / len(each) for each in given.values()], dtype=np.float64),
    )


def _compare(table: _Table, item: int) -> _Test:
    here = table.item == item
    ability = _ability_elsewhere(table, here)
    comparable = ~np.isnan(ability)
    right = table.correct[here][comparable]
    second = table.second[here][comparable]
    counts = _two_by_two(right, second, _strata(ability[comparable]))
    for_first, for_second, p = _mantel_haenszel(counts)
    shares = (_share(table, here & ~table.second), _share(table, here & table.second))
    return _Test(int(here.sum()), shares, for_first, for_second, p)


def _share(table: _Table, chosen: BoolArray) -> float | None:
    return float(table.correct[chosen].mean()) if chosen.any() else None


def _ability_elsewhere(table: _Table, here: BoolArray) -> FloatArray:
    """Share right on the other items, of the person behind each answer to this one."""
    people = int(table.person.max()) + 1
    elsewhere = np.where(here, 0.0, 1.0)
    asked = np.bincount(table.person, weights=elsewhere, minlength=people)
    right = np.bincount(table.person, weights=elsewhere * table.correct, minlength=people)
    with np.errstate(invalid="ignore"):
        return (right / asked)[table.person[here]]


def _strata(ability: FloatArray) -> IntArray:
    if ability.size == 0:
        return np.zeros(0, dtype=np.intp)
    cuts = np.unique(np.quantile(ability, np.arange(1, STRATA) / STRATA))
    return np.searchsorted(cuts, ability, side="right")


def _two_by_two(right: FloatArray, second: BoolArray, strata: IntArray) -> FloatArray:
    """Count answerers, shape (strata, setting, wrong or right); one may be partly right."""
    size = int(strata.max()) + 1 if strata.size else 0
    counts = np.zeros((size, 2, 2))
    place = strata * 2 + second.astype(np.intp)
    answered = np.bincount(place, minlength=2 * size).reshape(size, 2)
    counts[:, :, 1] = np.bincount(place, weights=right, minlength=2 * size).reshape(size, 2)
    counts[:, :, 0] = answered - counts[:, :, 1]
    both = (counts.sum(axis=2) > 0.0).all(axis=1)
    return counts[both]


def _mantel_haenszel(counts: FloatArray) -> tuple[float, float, float | None]:
    """Give both sides of the odds ratio, summed over strata, and the p-value.

    In each stratum a and b are right and wrong in the first setting, c and d in the second.
    """
    from scipy import special

    b, a = counts[:, 0, 0], counts[:, 0, 1]
    d, c = counts[:, 1, 0], counts[:, 1, 1]
    total = a + b + c + d
    variance = float(((a + b) * (c + d) * (a + c) * (b + d) / (total**2 * (total - 1.0))).sum())
    if variance == 0.0:
        return 0.0, 0.0, None
    excess = abs(float((a - (a + b) * (a + c) / total).sum()))
    p = float(special.chdtrc(1, max(excess - 0.5, 0.0) ** 2 / variance))
    return float((a * d / total).sum()), float((b * c / total).sum()), p


def _adjusted(p_values: Sequence[float]) -> list[float]:
    from scipy.stats import false_discovery_control

    return false_discovery_control(p_values).tolist() if p_values else []


def _difference(item: str, test: _Test, adjusted: float | None, *, level: float) -> ItemDifference:
    odds = test.for_first / test.for_second if test.for_first and test.for_second else None
    delta = None if odds is None else -2.35 * math.log(odds)
    # Without an odds ratio all differing answers point one way, which is not negligible.
    is_large = delta is None or abs(delta) >= LARGE
    return ItemDifference(
        item=item,
        n=test.n,
        shares=test.shares,
        odds_ratio=odds,
        delta=delta,
        p=test.p,
        adjusted_p=adjusted,
        flagged=adjusted is not None and adjusted < level and is_large,
    )
