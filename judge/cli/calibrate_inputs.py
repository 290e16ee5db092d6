"""From the words of a command line to what `judge.calibrate` works with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from calibration.rater_agreement.alpha import LEVELS, Level
from calibration.validation import DESIGNS, POPULATIONS
from judge.calibrate.analysis import Aims, calibrate
from judge.calibrate.calibration_set import Material, Part, Question
from judge.calibrate.from_files import material, scored_items
from judge.calibrate.from_run import material_of, parts
from judge.calibrate.result import DesignName, Findings
from judge.cli import console
from judge.cli.console import opened, run_named, store_address
from judge.cli.console import parts as parts_of
from judge.cli.declarations import by_criterion, scales_of
from judge.cli.interface import language
from judge.errors import ConfigError
from judge.files.decoding import counted
from judge.files.mapping import parse_mapping
from judge.store.run_contents import criterion_titles, samples_of

if TYPE_CHECKING:
    from judge.calibrate.label_sampling import Subject
    from judge.calibrate.passport import PassportSource
    from judge.manifest import Sample
    from judge.store.records import Label, Run
    from judge.store.store import Store

Value = TypeVar("Value")
SIMULATED = "simulated-"
"""How raters are named who are no people, such as those of the starter set."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where scores and labels come from."""

    scores: Path | None
    run: str | None
    labels: Path | None
    store: str | None
    encoding: str | None
    against: str | None = None
    """A run or a file of scores of an earlier version of the judge."""

    @property
    def name(self) -> str:
        """The run, or the file of scores."""
        return self.run or (self.scores.name if self.scores else "")


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """Scores and labels that were read."""

    sources: Sources
    parts: tuple[Part, ...]
    simulated_labels: bool
    run: "Run | None" = None
    titles: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """Names of criteria, by rubric and criterion, in the language of the terminal."""
    source: "PassportSource | None" = None
    drawn: "tuple[Sample, ...]" = ()


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """What was found, and of what."""

    gathered: Gathered
    findings: Findings


def question(
    *,
    scales: Iterable[str],
    at_least: Iterable[str],
    only: Iterable[str],
    by: str | None,
    judge: str | None,
    gold: str | None,
    clusters: str | None = None,
    covariates: Sequence[str] = (),
    columns: Iterable[str] = (),
    values: Iterable[str] = (),
    levels: Iterable[str] = (),
) -> Question:
    """Read what a command line declares.

    Parameters
    ----------
    scales, at_least, only : iterable of str
        Each ``[CRITERION=]VALUE``.
    by, clusters : str or None
        Columns of the group and of the cluster.
    judge, gold : str or None
        The one judge asked for, and the rater who settles the items.
    covariates : sequence of str
        Columns with properties of the responses that should not move the judge.
    columns, values : iterable of str
        Names of columns and words of scores, as `judge.files.mapping` reads them.
    levels : iterable of str
        Each ``[CRITERION=]LEVEL`` of measurement.

    Raises
    ------
    ConfigError
        If a declaration cannot be read, or stands twice.
    """
    return Question(
        group=by or "group",
        cluster=clusters,
        scales=scales_of(scales),
        at_least=by_criterion(at_least, "--at-least", float),
        only=by_criterion(only, "--only", lambda words: tuple(words.split(","))),
        judge=judge,
        gold=gold,
        covariates=tuple(dict.fromkeys(covariates)),
        levels=by_criterion(levels, "--level", _level),
        mapping=parse_mapping(columns, values),
    )


def _level(word: str) -> Level:
    return console.one_of(word, LEVELS, option="--level")


def aims(family: str | None, **shares: float) -> Aims:
    """Read what is asked of the numbers.

    Parameters
    ----------
    family : str or None
        Systems of the judge's own family, with commas.
    **shares : float
        ``confidence``, ``wanted_agreement`` and ``wanted_reliability``, named like their options.

    Raises
    ------
    ConfigError
        If one of them is no fraction between 0 and 1.
    """
    for name, share in shares.items():
        if not 0.0 < share < 1.0:
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{option} must lie between 0 and 1, such as 0.9; got {share:g}.")
    return Aims(
        confidence=shares["confidence"],
        agreement=shares["wanted_agreement"],
        reliability=shares["wanted_reliability"],
        family=parts_of(family) if family else (),
    )


def of_population(aims: Aims, word: str) -> Aims:
    """Say of which items the corrected scores are: ``superpopulation`` or ``finite``."""
    return replace(aims, population=console.one_of(word, POPULATIONS, option="--population"))


def gathered(sources: Sources, asked: Question, *, passport: bool = False) -> Gathered:
    """Read scores and labels.

    Parameters
    ----------
    sources : Sources
    asked : Question
    passport : bool
        Read what a passport rests on, too: digests of all responses and verdicts of a run.

    Raises
    ------
    ConfigError
        If the sources do not fit together.
    """
    if (sources.scores is None) == (sources.run is None):
        raise ConfigError("give either --scores FILE or --run RUN.")
    if sources.against is not None and sources.against in {sources.run, str(sources.scores)}:
        raise ConfigError("--against names the same verdicts; name those of an earlier version.")
    if sources.run is not None:
        return _from_run(sources, sources.run, asked, passport=passport)
    if sources.scores is None or sources.labels is None:
        raise ConfigError("--scores needs --labels FILE with what experts said.")
    read = material(
        sources.scores,
        sources.labels,
        question=asked,
        encoding=sources.encoding,
        earlier=Path(sources.against) if sources.against else None,
    )
    read = _unseen_in_files(sources, sources.scores, read)
    return Gathered(sources=sources, parts=parts(read), simulated_labels=_simulated(read))


def _from_run(sources: Sources, name: str, asked: Question, *, passport: bool) -> Gathered:
    if asked.scales:
        raise ConfigError("--scale is for --scores; a run's scales are those of its rubrics.")
    from judge.calibrate.passport import SourceWatch
    from judge.cli.labels import labels_for

    with opened(sources.store) as store:
        run = run_named(store, name)
        drawn = samples_of(store, run)
        if sources.labels is None:
            labels = tuple(store.labels(run))
        else:
            labels = labels_for(
                store, run, sources.labels, encoding=sources.encoding, mapping=asked.mapping
            )
        labels = _unseen(store, run, labels)
        earlier = run_named(store, sources.against) if sources.against else None
        watch = SourceWatch(labels) if passport else None
        titles = criterion_titles(store, run, language())
        read = material_of(
            store,
            run,
            labels=labels,
            question=asked,
            drawn=drawn,
            earlier=earlier,
            watch=watch,
        )
        source = None if watch is None else watch.source(store, run)
    if len(read.ratings) < len(labels):
        console.note(
            f"{counted(len(labels) - len(read.ratings), 'label')} of items that no draw "
            "holds are left out"
        )
    return Gathered(
        sources=sources,
        parts=parts(read),
        simulated_labels=_simulated(read),
        run=run,
        titles=titles,
        source=source,
        drawn=drawn,
    )


def _unseen(store: "Store", run: "Run", labels: "tuple[Label, ...]") -> "tuple[Label, ...]":
    """Leave out, aloud, labels of responses that the run's rubric has seen."""
    # The register speaks SQL, which --help can do without.
    from judge.calibrate.used_items import unseen_labels

    found = unseen_labels(store, run, labels)
    if found.remark is None:
        return labels
    if not found.labels:
        raise ConfigError(f"{found.remark}; label responses that are new to it.")
    console.note(found.remark)
    return found.labels


def _unseen_in_files(sources: Sources, scores: Path, read: Material) -> Material:
    """Leave out, aloud, labels of scored items that their rubric has seen, by the store's register.

    Without a store in its place nothing can have been registered, and none is made.
    """
    address = store_address(sources.store)
    if "://" not in address and not Path(address).is_file():
        return read
    items = scored_items(scores, read.question.mapping, encoding=sources.encoding)
    if not items:
        return read
    from judge.calibrate.used_items import remark_on, seen_units

    with opened(sources.store) as store:
        seen = seen_units(store, items)
    labelled = {each.unit for each in read.ratings} & seen.keys()
    examples = sum(seen[unit] == "example" for unit in labelled)
    remark = remark_on(examples=examples, tuned=len(labelled) - examples)
    if remark is None:
        return read
    kept = tuple(each for each in read.ratings if each.unit not in labelled)
    if not kept:
        raise ConfigError(f"{remark}; label responses that are new to it.")
    console.note(remark)
    return replace(read, ratings=kept)


def _simulated(read: Material) -> bool:
    return any(each.rater.startswith(SIMULATED) for each in read.ratings)


def calibrated(
    sources: Sources,
    asked: Question,
    *,
    design: str | None,
    by_group: bool,
    aims: Aims,
    passport: bool = False,
) -> Calibrated:
    """Read scores and labels and say what is found.

    Raises
    ------
    ConfigError
        If the sources do not fit together, or nobody says how the items were chosen.
    """
    read = gathered(sources, asked, passport=passport)
    _require_systems(aims.family, {part.system for part in read.parts})
    if sources.against is not None and all(part.earlier is None for part in read.parts):
        raise ConfigError(
            f"--against {sources.against}: no verdict in it is of this judge and criterion, or of "
            "one judge alone."
        )
    found = calibrate(
        read.parts,
        design=_design(design, read.drawn),
        source=sources.name,
        labels=sources.labels.name if sources.labels else f"labels of {sources.name}",
        by_group=by_group,
        simulated_labels=read.simulated_labels,
        aims=aims,
    )
    return Calibrated(gathered=read, findings=found)


def _require_systems(family: Iterable[str], known: set[str]) -> None:
    strangers = [system for system in family if system not in known]
    if strangers:
        raise ConfigError(
            f"--family: no response is of system {strangers[0]!r}; there are "
            f"{', '.join(sorted(known))}."
        )


def planned_parts(
    sources: Sources, asked: Question, *, criteria: Sequence[str]
) -> tuple[Part, ...]:
    """Read the parts to plan for: those named, else the rates, else all.

    Raises
    ------
    ConfigError
        If a criterion is not among them.
    """
    cut = gathered(sources, asked).parts
    known = {part.criterion for part in cut} | {part.name for part in cut}
    strangers = [name for name in criteria if name not in known]
    if strangers:
        raise ConfigError(
            f"--criterion: no label is of {strangers[0]!r}; there are "
            f"{', '.join(sorted({part.name for part in cut}))}."
        )
    rates = tuple(part for part in cut if part.counting.kind == "rate")
    named = tuple(part for part in cut if {part.criterion, part.name} & set(criteria))
    return named if criteria else rates or cut


def subjects(
    sources: Sources, asked: Question, *, by_group: bool, criteria: Sequence[str]
) -> "list[Subject]":
    """Read scores and labels and take them for pilots.

    Parameters
    ----------
    sources : Sources
    asked : Question
    by_group : bool
    criteria : sequence of str
        Those to plan for, whose values have one unit. Without any: the rates, or the means where
        there are no rates.

    Raises
    ------
    ConfigError
        If a criterion is not among them.
    """
    from judge.calibrate.label_sampling import subject_of

    chosen = planned_parts(sources, asked, criteria=criteria)
    return [subject_of(part, by_group=by_group) for part in chosen]


def _design(word: str | None, drawn: "tuple[Sample, ...]") -> DesignName:
    if drawn:
        if word is not None:
            raise ConfigError("--design: the run has its draw on record; leave the option out.")
        return "as-drawn"
    if word is None:
        raise ConfigError(
            "say how the labelled items were chosen: --design random, by-verdict or curated. No "
            "interval holds without it."
        )
    return console.one_of(word, DESIGNS, option="--design")
