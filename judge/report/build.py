"""From a run in a store to the report record, in three passes that each stream.

The first counts scores, the second measures texts, the third reads the prompts that are shown.
"""

from collections.abc import Mapping

from judge.judging import kept_rubrics
from judge.records import Language
from judge.report.both import Both
from judge.report.cases import BUDGET, cases_of
from judge.report.measures import measures_of
from judge.report.order import ordered_groups, ordered_systems
from judge.report.origin import origin, stamp
from judge.report.record import GroupName, Missing, MissingCell, Report
from judge.report.scores import Sheet, bounds, score_cells
from judge.report.tally import Tally, tally
from judge.report.words import say
from judge.run import counts
from judge.store.base import Run
from judge.store.sql import Store

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
    manifest = run.manifest
    pairwise = manifest.kind == "pairwise"
    counted = tally(store.judgments(run), judges=len(manifest.judges), pairwise=pairwise)
    rubrics = kept_rubrics(store, run)
    sheet = Sheet(
        tally=counted,
        measures=measures_of(rubrics, pairwise=pairwise),
        systems=ordered_systems(counted.systems, baseline),
    )
    scores = tuple(score_cells(sheet))
    named = [_named(key, group_names or {}) for key in counted.groups]
    return Report(
        run=run.name,
        lang=lang or _language(counted),
        stamp=stamp(store, run, counted, rubrics=rubrics),
        counts=counts(store, run),
        systems=tuple(sheet.systems),
        groups=ordered_groups(named, scores, sheet.measures),
        measures=tuple(sheet.measures),
        scores=scores,
        origin=origin(run),
        missing=_missing(sheet),
        cases=cases_of(store, run, sheet, rubrics={} if pairwise else rubrics, budget=budget),
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
