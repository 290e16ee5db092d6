"""From a run in a store to the report record, in three passes that each stream.

The first counts scores, the second measures texts, the third reads the prompts that are shown.
"""

from typing import TYPE_CHECKING

import numpy as np

from judge.manifest import IMPROVEMENT
from judge.records import Counts, Language
from judge.report.examples import BUDGET, cases_of
from judge.report.model import (
    Drift,
    FlipRow,
    GroupName,
    Improvement,
    Measure,
    Missing,
    MissingCell,
    Report,
)
from judge.report.run_data import Material, Share, beside, origin, shown_names, stamp
from judge.report.scores import (
    Sheet,
    bounds,
    goodness_by_prompt,
    language_scores,
    measures_of,
    named,
    ordered_groups,
    ordered_systems,
    score_cells,
)
from judge.report.tally import Tally, tally
from judge.report.texts import Both, say
from judge.store.records import Run
from judge.store.run_contents import kept_rubrics

if TYPE_CHECKING:
    from judge.exporters.ci import GroupNames
    from judge.sides import Side
    from judge.store.store import Store


def from_run(
    store: "Store",
    run: Run,
    *,
    group_names: "GroupNames | None" = None,
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
        Language shown first; else that of the reader's browser.
    budget : int
        Bytes of the page that prompts and responses may take.

    Returns
    -------
    Report
        Without decision; see `judge.report.from_calibration` for what is added to it.
    """
    material = Material(shares=(Share(store=store, run=run),))
    return _report(material, group_names or {}, baseline=baseline, lang=lang, budget=budget)


def from_sides(
    baseline: "Side", candidate: "Side", *, group_names: "GroupNames | None" = None
) -> Report:
    """Gather what a page shows of a candidate beside its baseline.

    Parameters
    ----------
    baseline, candidate : Side
        A system each, in one run or in two.
    group_names
        As in :func:`from_run`.

    Returns
    -------
    Report
        Of both systems, the baseline first.
    """
    first, _ = shown_names(baseline, candidate)
    return _report(beside(baseline, candidate), group_names or {}, baseline=first)


def _report(
    material: Material,
    names: "GroupNames",
    *,
    baseline: str | None,
    lang: Language | None = None,
    budget: int = BUDGET,
) -> Report:
    pairwise = material.pairwise
    counted = tally(material.judgments(), judges=len(material.manifest.judges), pairwise=pairwise)
    rubrics = kept_rubrics(material.store, material.run)
    sheet = Sheet(
        tally=counted,
        measures=measures_of(rubrics, pairwise=pairwise),
        systems=ordered_systems(counted.systems, baseline),
    )
    scores = tuple(score_cells(sheet))
    groups = [_named(key, names) for key in counted.groups]
    vetoed = {} if pairwise else rubrics
    return Report(
        run=material.name,
        lang=lang,
        data_lang=_language(counted),
        stamp=stamp(material, counted, rubrics),
        counts=Counts.of(counted.outcomes, planned=material.planned()),
        systems=tuple(sheet.systems),
        groups=ordered_groups(groups, scores, sheet.measures),
        measures=tuple(sheet.measures),
        scores=scores,
        languages=tuple(language_scores(sheet, _languages_of(material))),
        origin=origin(material),
        drift=_drift(sheet),
        missing=_missing(sheet),
        cases=cases_of(material, sheet, rubrics=vetoed, budget=budget),
        canaries=material.canaries(),
        remarks=counted.remarks,
        labels=material.expert_labels(),
        improvement=_improvement(material),
    )


def _improvement(material: Material) -> Improvement | None:
    """Read what the latest `cvalues improve` of the run found."""
    body = material.store.latest_document(material.run, IMPROVEMENT)
    return None if body is None else Improvement.model_validate_json(body)


def _named(key: str | None, names: "GroupNames") -> GroupName:
    if key is None:
        return GroupName(key=None, name=say("page.no_group"))
    zh, en = names.get(key, (key, key))
    return GroupName(key=key, name=Both(zh=zh, en=en))


def _languages_of(material: Material) -> dict[tuple[str, str], str]:
    return {
        (edition.rubric, edition.digest): edition.language
        for share in material.shares
        for edition in share.run.manifest.rubrics
    }


def _language(counted: Tally) -> Language:
    """Choose the language of most items; English where they are even."""
    return "zh" if counted.languages["zh"] > counted.languages["en"] else "en"


def _missing(sheet: Sheet) -> Missing | None:
    cells = tuple(
        MissingCell(reason=reason, system=system, group=group, count=count)
        for (reason, system, group), count in sorted(sheet.tally.missed.items(), key=str)
    )
    return Missing(cells=cells, bounds=tuple(bounds(sheet))) if cells else None


def _drift(sheet: Sheet) -> Drift | None:
    """Compare two systems prompt by prompt on the first measure that has a good side.

    None unless there are two systems that share a prompt with scores.
    """
    measure = _compared(sheet)
    if measure is None or len(sheet.systems) != 2:
        return None
    rows = tuple(row for group in sheet.tally.groups if (row := _flips(sheet, measure, group)))
    if not rows:
        return None
    before, after = sheet.systems
    return Drift(measure=named(measure), rows=rows, before=before, after=after)


def _compared(sheet: Sheet) -> Measure | None:
    """Prefer a share: a level more or less on a long scale is no change of a verdict."""
    sided = [measure for measure in sheet.measures if measure.good != "neither"]
    return next((m for m in sided if m.kind == "share"), sided[0] if sided else None)


def _flips(sheet: Sheet, measure: Measure, group: str | None) -> FlipRow | None:
    (before, old), (after, new) = (
        goodness_by_prompt(
            measure, sheet.tally.of_group((measure.rubric, measure.criterion, system), group)
        )
        for system in sheet.systems
    )
    _, at, other = np.intersect1d(before, after, assume_unique=True, return_indices=True)
    if not at.size:
        return None
    signs = np.sign(new[other] - old[at])
    counts = {sign: int((signs == sign).sum()) for sign in (-1, 0, 1)}
    return FlipRow(group=group, harmful=counts[-1], beneficial=counts[1], unchanged=counts[0])
