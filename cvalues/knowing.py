"""Join what systems recognise with what they do: multi-choice results and judged responses."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from calibration.intervals import clopper_pearson
from cvalues.association import Association, association
from cvalues.gap import ENOUGH, GapReport, Rate, gap_report
from cvalues.gap_wording import Quadrant, lead_sentence
from judge.errors import ConfigError
from judge.policy import Measure
from judge.records import Language
from judge.report.both import Both
from judge.report.evidence import Knowing, QuadrantPoint
from judge.summary import Cell

CONFIDENCE = 0.95


class Sizes(NamedTuple):
    """How many items stand behind a point."""

    knowing: int
    doing: int


Counted = tuple[Rate, int]
"""A rate, and the number of items that it was counted on."""


def read_knowing(path: Path) -> dict[str, Counted]:
    """Read the accuracy of each group out of what ``cvalues mc --out-json`` wrote.

    Raises
    ------
    ConfigError
        If the file is not one.
    """
    try:
        groups = json.loads(path.read_text(encoding="utf-8"))["by"]["domain_en"]
        return {
            group: (Rate(each["acc"], *each["ci"]["acc"]), each["n"])
            for group, each in groups.items()
            if each["acc"] is not None
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path}: not what cvalues mc --out-json writes; make it anew."
        ) from error


def doing_of(cells: Iterable[Cell], system: str, measure: Measure) -> dict[str, Counted]:
    """Take the judge's own pass rate of each group out of a run's summary.

    Returns
    -------
    dict of str to (Rate, int)
        With Clopper and Pearson's interval: the chance of drawing these items, not corrected.
    """
    least = measure.at_least or 1
    found: dict[str, Counted] = {}
    for cell in cells:
        wanted = (cell.rubric, cell.criterion, cell.system) == (
            measure.rubric,
            measure.criterion,
            system,
        )
        if not wanted or cell.group is None or not cell.counts.scored:
            continue
        passed = sum(count for level, count in cell.levels.items() if level >= least)
        n = cell.counts.scored
        interval = clopper_pearson(passed, n, tail=(1 - CONFIDENCE) / 2)
        found[cell.group] = Rate(passed / n, interval.low, interval.high), n
    return found


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
            system: (_mean([g.knowing for g in r.groups]), _mean([g.doing for g in r.groups]))
            for system, r in reports.items()
        }
    )


def _mean(rates: list[Rate]) -> float | None:
    return sum(rate.value for rate in rates) / len(rates) if rates else None


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
            group=gap.group,
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
        counted = Counter[Quadrant](gap.quadrant for gap in report.groups)
        for quadrant, count in counted.most_common(1):
            of = len(report.groups)
            sentences.append(lead_sentence(system, quadrant, count=count, of=of, lang=lang))
    sentences.append(over_systems(reports).sentence[lang])
    return ("" if lang == "zh" else " ").join(sentences)
