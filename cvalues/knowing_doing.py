"""Join what systems recognise with what they do: multi-choice results and judged responses."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import permutations
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.intervals import clopper_pearson
from judge.errors import ConfigError
from judge.policy import Measure
from judge.records import Language
from judge.report.model import Knowing, QuadrantPoint
from judge.report.texts import Both
from judge.run.run import Cell

# Knowing and doing: how far recognising the better reply goes with writing acceptable ones.
#
# Knowing is the accuracy on multi-choice items, doing the share of a model's own replies that
# are acceptable, corrected for the judge's errors where expert labels exist. Both are fractions
# with intervals. They come from different answers, so their errors are taken as independent.
# What all of it is called, in Chinese and English, is in `gap_words.json`.

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


# Whether the models that know more also do more: a rank correlation over few systems.

LEAST_SYSTEMS: Final = 5
MOST_FOR_EXACT: Final = 8
"""Systems up to which all orders are counted (8! = 40,320)."""

Ranks = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """How knowing and doing go together over systems.

    Attributes
    ----------
    n : int
        Systems with both numbers.
    rho : Rate or None
        Spearman's rank correlation; None where there are too few systems, or one of the two does
        not vary.
    p : float or None
        Two-sided, of no association; exact where ``n`` is at most 8.
    sentence : Mapping of language to str
        What can be said, in plain words.
    """

    n: int
    rho: Rate | None
    p: float | None
    sentence: Mapping[Language, str]


def association(
    systems: Mapping[str, tuple[float | None, float | None]], *, confidence: float = 0.95
) -> Association:
    """Correlate knowing with doing over systems, where there are enough to say anything.

    Parameters
    ----------
    systems : Mapping of str to (float or None, float or None)
        Knowing and doing of each system; those that lack one are left out.
    confidence : float
        Two-sided, of the interval of rho.

    Returns
    -------
    Association

    References
    ----------
    Bonett and Wright (2000), Psychometrika 65(1), 23-28, the interval of Spearman's rho.
    """
    from scipy.stats import rankdata

    pairs = [(know, do) for know, do in systems.values() if know is not None and do is not None]
    n = len(pairs)
    if n < LEAST_SYSTEMS:
        return _nothing_to_say("too_few", n)
    know, do = (np.array(values, dtype=np.float64) for values in zip(*pairs, strict=True))
    if np.ptp(know) == 0.0 or np.ptp(do) == 0.0:
        return _nothing_to_say("constant", n)
    ranks = rankdata(know), rankdata(do)
    value = float(np.corrcoef(*ranks)[0, 1])
    rho = _rho_interval(value, n, confidence)
    which = "together" if rho.low > 0.0 else "apart" if rho.high < 0.0 else "open"
    numbers = {"n": n, "rho": rho.value, "low": rho.low, "high": rho.high}
    return Association(
        n=n, rho=rho, p=_p_value(*ranks, value), sentence=association_sentence(which, numbers)
    )


def _rho_interval(rho: float, n: int, confidence: float) -> Rate:
    # A perfect rank correlation has no finite z; the highest value below it stands in.
    most = 1.0 - 12.0 / (n * (n * n - 1.0))
    inner = min(max(rho, -most), most)
    reach = special.ndtri((1.0 + confidence) / 2.0) * math.sqrt((1.0 + inner**2 / 2.0) / (n - 3.0))
    z = math.atanh(inner)
    return Rate(rho, min(math.tanh(z - reach), rho), max(math.tanh(z + reach), rho))


def _p_value(know: Ranks, do: Ranks, rho: float) -> float:
    n = know.size
    if n > MOST_FOR_EXACT:
        t = rho * math.sqrt((n - 2.0) / max(1.0 - rho**2, 1e-12))
        return float(2.0 * special.stdtr(n - 2.0, -abs(t)))
    centred = know - know.mean()
    orders = np.array(list(permutations(do - do.mean())))
    products = np.abs(orders @ centred)
    return float((products >= abs(centred @ (do - do.mean())) - 1e-9).mean())


def _nothing_to_say(why: str, n: int) -> Association:
    sentence = association_sentence(why, {"n": n, "least": LEAST_SYSTEMS})
    return Association(n=n, rho=None, p=None, sentence=sentence)


CONFIDENCE = 0.95

ALL = ""
"""Stands for all groups together."""


class Sizes(NamedTuple):
    """How many items stand behind a point."""

    knowing: int
    doing: int


Counted = tuple[Rate, int]
"""A rate, and the number of items that it was counted on."""


def read_knowing(path: Path) -> dict[str, Counted]:
    """Read the accuracy of each group, and of all, out of what ``cvalues mc --out-json`` wrote.

    Raises
    ------
    ConfigError
        If the file is not one.
    """
    try:
        whole = _document(path)
        groups = {ALL: whole, **whole["by"]["domain_en"]}
        return {
            group: (_in_order(each["acc"], *each["ci"]["acc"]), int(each["n"]))
            for group, each in groups.items()
            if each["acc"] is not None
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path}: not what cvalues mc --out-json writes; make it anew."
        ) from error


def provenance_in(path: Path) -> str:
    """Read where the answers came from that a result was counted of; RECORDED if it is silent."""
    return str(_document(path).get("provenance", "RECORDED"))


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; check the path.") from error


def _in_order(value: float, low: float, high: float) -> Rate:
    if not 0.0 <= low <= value <= high <= 1.0:
        raise ValueError(f"{value} in {low} to {high} is no fraction with its interval")
    return Rate(value, low, high)


def doing_of(cells: Iterable[Cell], system: str, measure: Measure) -> dict[str, Counted]:
    """Take the judge's own pass rate of each group out of a run's summary.

    Returns
    -------
    dict of str to (Rate, int)
        With Clopper and Pearson's interval: the chance of drawing these items, not corrected.
    """
    least = _least(measure)
    found: dict[str, Counted] = {}
    for cell in cells:
        wanted = (cell.rubric, cell.criterion, cell.system) == (
            measure.rubric,
            measure.criterion,
            system,
        )
        if not wanted or not cell.counts.scored:
            continue
        passed = sum(count for level, count in cell.levels.items() if level >= least)
        n = cell.counts.scored
        interval = clopper_pearson(passed, n, tail=(1 - CONFIDENCE) / 2)
        found[cell.group or ALL] = Rate(passed / n, interval.low, interval.high), n
    return found


def read_corrected(path: Path, measure: Measure) -> dict[str, dict[str, Counted]]:
    """Read rates that experts' labels correct, by system and group.

    Parameters
    ----------
    path : Path
        What ``cvalues calibrate --by group --out-json`` wrote.
    measure : Measure

    Returns
    -------
    dict of str to dict of str to (Rate, int)
        Groups whose labels support no interval are not in it.

    Raises
    ------
    ConfigError
        If the file is not one, or has no corrected rate of the measure.
    """
    try:
        document = _document(path)
        found: dict[str, dict[str, Counted]] = {}
        for each in document["findings"]:
            meant = (each["criterion"], each["kind"]) == (measure.criterion, "rate")
            if meant and each["at_least"] == _least(measure) and each["corrected"]:
                ends = (each["corrected"][name] for name in ("value", "low", "high"))
                counted = _in_order(*ends), int(each["n_judged"])
                found.setdefault(each["system"], {})[each["group"] or ALL] = counted
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path}: not what cvalues calibrate --out-json writes; make it anew."
        ) from error
    if not found:
        raise ConfigError(
            f"{path}: no corrected rate of {measure.criterion} from {_least(measure)}; calibrate "
            f"with --at-least {measure.criterion}={_least(measure)} --by group."
        )
    return found


def _least(measure: Measure) -> int:
    return 1 if measure.at_least is None else measure.at_least


Known = Mapping[str, Mapping[str, Counted]]
"""By system, by group."""


def gaps(knowing: Known, doing: Known) -> dict[str, GapReport]:
    """Join both by system; those that lack one are left out."""
    return {
        system: gap_report(_rates(knowing[system]), _rates(doing[system]))
        for system in knowing
        if system in doing
    }


def _rates(counted: Mapping[str, Counted]) -> dict[str, Rate]:
    return {group: rate for group, (rate, _) in counted.items()}


def sizes(knowing: Known, doing: Known) -> dict[tuple[str, str], Sizes]:
    """Count what stands behind each system and group that has both."""
    return {
        (system, group): Sizes(knowing[system][group][1], doing[system][group][1])
        for system in knowing.keys() & doing.keys()
        for group in knowing[system].keys() & doing[system].keys()
    }


def over_systems(reports: Mapping[str, GapReport]) -> Association:
    """Ask whether systems that know more also do more, where there are enough of them."""
    return association(
        {
            system: (gap.knowing.value, gap.doing.value)
            for system, report in reports.items()
            for gap in report.groups
            if gap.group == ALL
        }
    )


def section(reports: Mapping[str, GapReport], sizes: Mapping[tuple[str, str], Sizes]) -> Knowing:
    """Make the page's section.

    Parameters
    ----------
    reports : mapping of str to GapReport
        By system.
    sizes : mapping of (str, str) to Sizes
        By system and group.
    """
    points = tuple(
        QuadrantPoint(
            group=gap.group or None,
            system=system,
            knows=gap.knowing.value,
            does=gap.doing.value,
            n_knows=sizes[system, gap.group].knowing,
            n_does=sizes[system, gap.group].doing,
        )
        for system, report in reports.items()
        for gap in report.groups
    )
    return Knowing(
        lead=Both(zh=_lead(reports, "zh"), en=_lead(reports, "en")),
        points=points,
        split=(ENOUGH, ENOUGH),
    )


def _lead(reports: Mapping[str, GapReport], lang: Language) -> str:
    """Say the commonest signature of each system, then what the systems say together."""
    sentences: list[str] = []
    for system, report in reports.items():
        counted = Counter[Quadrant](gap.quadrant for gap in report.groups if gap.group != ALL)
        for quadrant, count in counted.most_common(1):
            of = counted.total()
            sentences.append(lead_sentence(system, quadrant, count=count, of=of, lang=lang))
    sentences.append(over_systems(reports).sentence[lang])
    return ("" if lang == "zh" else " ").join(sentences)
