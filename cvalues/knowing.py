"""Join what systems recognise with what they do: multi-choice results and judged responses."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from calibration.intervals import clopper_pearson
from cvalues.association import Association, association
from cvalues.gap import ENOUGH, GapReport, Quadrant, Rate, gap_report, lead_sentence
from judge.errors import ConfigError
from judge.policy import Measure
from judge.records import Language
from judge.report.evidence import Knowing, QuadrantPoint
from judge.report.words import Both
from judge.summary import Cell

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
