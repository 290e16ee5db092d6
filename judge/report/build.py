"""From a run in a store to the report record, in three passes that each stream.

The first counts scores, the second measures texts, the third reads the prompts that are shown.
"""

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version

from judge.records import Language, Provenance
from judge.report import cases
from judge.report.choice import ranked, vetoes
from judge.report.measures import Rubrics, measures_of, rubrics_of
from judge.report.order import ordered_groups, ordered_systems
from judge.report.record import (
    Both,
    Cases,
    Cost,
    Edition,
    GroupName,
    Missing,
    MissingCell,
    Origin,
    Report,
    Served,
    Stamp,
)
from judge.report.scores import Sheet, bounds, score_cells
from judge.report.tally import Tally, tally
from judge.run import counts
from judge.store.base import Run
from judge.store.sql import Store
from rubrics.rubric import Rubric

GroupNames = Mapping[str, tuple[str, str]]
"""By key: the name in Chinese and in English."""

_WORST_FIRST: tuple[Provenance, ...] = ("SIMULATED", "RECORDED", "LIVE")
_LIBRARIES = ("cvalues", "altair", "vl-convert-python")


def from_run(
    store: Store,
    run: Run,
    *,
    group_names: GroupNames | None = None,
    baseline: str | None = None,
    lang: Language | None = None,
    budget: int = cases.BUDGET,
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
    rubrics = rubrics_of(store, run)
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
        stamp=_stamp(store, run, counted, rubrics),
        counts=counts(store, run),
        systems=tuple(sheet.systems),
        groups=ordered_groups(named, scores, sheet.measures),
        measures=tuple(sheet.measures),
        scores=scores,
        origin=_origin(run),
        missing=_missing(sheet),
        cases=_cases(store, run, sheet, {} if pairwise else rubrics, budget),
    )


def _named(key: str | None, names: GroupNames) -> GroupName:
    if key is None:
        return GroupName(key=None, name=Both(zh="未分组", en="no group"))
    zh, en = names.get(key, (key, key))
    return GroupName(key=key, name=Both(zh=zh, en=en))


def _language(counted: Tally) -> Language:
    """Choose the language of most items; Chinese where they are even, as in the benchmark."""
    return "en" if counted.languages["en"] > counted.languages["zh"] else "zh"


def _stamp(store: Store, run: Run, counted: Tally, rubrics: Rubrics) -> Stamp:
    calls, usd = store.spent(run)
    provenances = [each for each in _WORST_FIRST if each in counted.provenances]
    return Stamp(
        provenance=provenances[0] if provenances else None,
        judges=run.manifest.judges,
        panel=len(run.manifest.judges) > 1,
        served=tuple(
            Served(judge=judge, model=model, judgments=count)
            for (judge, model), count in sorted(counted.served.items(), key=str)
        ),
        editions=tuple(
            Edition(
                rubric=name, language=lang, title=made.title, version=made.version, digest=digest
            )
            for (name, lang), made, digest in _editions(run, rubrics)
        ),
        passport=None,
        created_at=run.created_at,
        cost=Cost(
            calls=calls,
            usd=usd,
            unpriced=counted.sums["unpriced"],
            prompt_tokens=counted.sums["prompt_tokens"],
            completion_tokens=counted.sums["completion_tokens"],
        ),
    )


def _editions(run: Run, rubrics: Rubrics) -> Iterator[tuple[tuple[str, str], Rubric, str]]:
    for edition in run.manifest.rubrics:
        name = (edition.rubric, edition.language)
        if name in rubrics:
            yield name, rubrics[name], edition.digest


def _missing(sheet: Sheet) -> Missing | None:
    cells = tuple(
        MissingCell(reason=reason, system=system, group=group, count=count)
        for (reason, system, group), count in sorted(sheet.tally.missed.items(), key=str)
    )
    return Missing(cells=cells, bounds=tuple(bounds(sheet))) if cells else None


def _cases(store: Store, run: Run, sheet: Sheet, rubrics: Rubrics, budget: int) -> Cases | None:
    sizes = cases.sizes(store.generations(run), sheet.tally.said)
    order = ranked(sheet, rubrics, tuple(sizes))
    taken = cases.chosen(order, sizes, budget=budget)
    shown = tuple(cases.read_cases(store, run, taken, vetoes(rubrics)))
    return Cases(shown=shown, total=len(sizes)) if shown else None


def _origin(run: Run) -> Origin:
    manifest = run.manifest
    return Origin(
        source=manifest.source.name,
        sha256=manifest.source.sha256,
        rows=manifest.source.rows,
        versions=(
            ("python", platform.python_version()),
            *((name, version(name)) for name in _LIBRARIES),
        ),
        repeats=manifest.repeats,
        pairwise=manifest.kind == "pairwise",
    )
