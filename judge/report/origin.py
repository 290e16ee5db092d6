"""Where a report's numbers come from: judges, rubrics, file, programs and cost."""

import platform
from collections.abc import Iterator, Set
from importlib.metadata import version

from judge.records import Provenance
from judge.report.material import Material
from judge.report.measures import Rubrics
from judge.report.record import Cost, Edition, Origin, Served, Stamp
from judge.report.tally import Tally
from judge.store.base import Run
from rubrics.rubric import Rubric

_WORST_FIRST: tuple[Provenance, ...] = ("SIMULATED", "RECORDED", "LIVE")
_LIBRARIES = ("cvalues", "altair", "vl-convert-python")


def stamp(material: Material, counted: Tally, rubrics: Rubrics) -> Stamp:
    """Say by whom, when, under which rubrics and at what cost a run was judged."""
    calls, usd = material.spent()
    run = material.run
    return Stamp(
        provenance=_worst(counted.provenances),
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


def _worst(provenances: Set[Provenance]) -> Provenance | None:
    """Give the least trustworthy of them: one simulated judgment makes a page a simulated one."""
    for provenance in _WORST_FIRST:
        if provenance in provenances:
            return provenance
    return None


def _editions(run: Run, rubrics: Rubrics) -> Iterator[tuple[tuple[str, str], Rubric, str]]:
    for edition in run.manifest.rubrics:
        name = (edition.rubric, edition.language)
        if name in rubrics:
            yield name, rubrics[name], edition.digest


def origin(material: Material) -> Origin:
    """Say from which file and with which programs the numbers were made."""
    manifest = material.manifest
    return Origin(
        source=manifest.source.name,
        sha256=manifest.source.sha256,
        rows=manifest.source.rows,
        versions=(
            ("python", platform.python_version()),
            *((name, version(name)) for name in _LIBRARIES),
        ),
        repeats=manifest.repeats,
        pairwise=material.pairwise,
    )
