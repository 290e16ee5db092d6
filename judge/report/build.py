"""From a run in a store to the report record, in three passes that each stream.

The first counts scores, the second measures texts, the third reads the prompts that are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from judge.judging import kept_rubrics
from judge.ratings import Side
from judge.records import Language
from judge.report.both import Both
from judge.report.cases import BUDGET, cases_of
from judge.report.changes import drift_of
from judge.report.material import Material, Share, beside, shown_names
from judge.report.measures import measures_of
from judge.report.order import ordered_groups, ordered_systems
from judge.report.origin import origin, stamp
from judge.report.record import GroupName, Missing, MissingCell, Report
from judge.report.scores import Sheet, bounds, score_cells
from judge.report.tally import Tally, tally
from judge.report.words import say
from judge.store.base import Run
from judge.store.sql import Store
from judge.summary import count_outcomes

GroupNames = Mapping[str, tuple[str, str]]
"""By key: the name in Chinese and in English."""


def from_run(
    store: Store,
    run: Run,
    *,
    group_names: GroupNames | None = None,
    baseline: str | None = None,
    lang: Language | None = None,
    budget: int = BUDGET,
) -> Report:
    """Gather what a page shows of a run; the scores are the judge's own.

    Parameters
    ----------
    store : Store
    run : Run
    group_names : mapping of str to (str, str), optional
        Names to show for the keys of groups, in Chinese and English; else the key itself.
    baseline : str, optional
        The system to which others are compared; else the first by name.
    lang : {'zh', 'en'}, optional
        Language shown first; else that of most items.
    budget : int
        Bytes of the page that prompts and responses may take.

    Returns
    -------
    Report
        Without decision; `Report.model_copy(update=...)` adds what a gate or calibration knows.
    """
    material = Material(shares=(Share(store=store, run=run),))
    return _report(
        material,
        _Wishes(group_names=group_names or {}, baseline=baseline, lang=lang, budget=budget),
    )


def from_sides(
    baseline: Side,
    candidate: Side,
    *,
    group_names: GroupNames | None = None,
    lang: Language | None = None,
    budget: int = BUDGET,
) -> Report:
    """Gather what a page shows of a candidate beside its baseline.

    Parameters
    ----------
    baseline, candidate : Side
        A system each, in one run or in two.
    group_names, lang, budget
        As in :func:`from_run`.

    Returns
    -------
    Report
        Of both systems, the baseline first.
    """
    first, _ = shown_names(baseline, candidate)
    return _report(
        beside(baseline, candidate),
        _Wishes(group_names=group_names or {}, baseline=first, lang=lang, budget=budget),
    )


@dataclass(frozen=True, kw_only=True)
class _Wishes:
    """What the caller asks of a page."""

    group_names: GroupNames
    baseline: str | None
    lang: Language | None
    budget: int


def _report(material: Material, wishes: _Wishes) -> Report:
    pairwise = material.pairwise
    counted = tally(material.judgments(), judges=len(material.manifest.judges), pairwise=pairwise)
    rubrics = kept_rubrics(material.store, material.run)
    sheet = Sheet(
        tally=counted,
        measures=measures_of(rubrics, pairwise=pairwise),
        systems=ordered_systems(counted.systems, wishes.baseline),
    )
    scores = tuple(score_cells(sheet))
    named = [_named(key, wishes.group_names) for key in counted.groups]
    vetoed = {} if pairwise else rubrics
    return Report(
        run=material.name,
        lang=wishes.lang or _language(counted),
        stamp=stamp(material, counted, rubrics),
        counts=count_outcomes(counted.outcomes, planned=material.planned()),
        systems=tuple(sheet.systems),
        groups=ordered_groups(named, scores, sheet.measures),
        measures=tuple(sheet.measures),
        scores=scores,
        origin=origin(material),
        drift=drift_of(sheet),
        missing=_missing(sheet),
        cases=cases_of(material, sheet, rubrics=vetoed, budget=wishes.budget),
    )


def _named(key: str | None, names: GroupNames) -> GroupName:
    if key is None:
        return GroupName(key=None, name=say("page.no_group"))
    zh, en = names.get(key, (key, key))
    return GroupName(key=key, name=Both(zh=zh, en=en))


def _language(counted: Tally) -> Language:
    """Choose the language of most items; Chinese where they are even, as in the benchmark."""
    return "en" if counted.languages["en"] > counted.languages["zh"] else "zh"


def _missing(sheet: Sheet) -> Missing | None:
    cells = tuple(
        MissingCell(reason=reason, system=system, group=group, count=count)
        for (reason, system, group), count in sorted(sheet.tally.missed.items(), key=str)
    )
    return Missing(cells=cells, bounds=tuple(bounds(sheet))) if cells else None
