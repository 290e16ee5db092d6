"""From the words of a command line to what `judge.trust` works with, and to its files."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from calibration.estimate import InsufficientLabels
from calibration.passport import Design, JudgeIdentity
from calibration.passport_file import save_passport
from calibration.validation import DESIGNS
from judge.cli import console
from judge.cli.labels import labels_for
from judge.cli.stores import opened, run_named
from judge.errors import ConfigError
from judge.exporters.atomic import write_whole
from judge.ratings import chosen_judge
from judge.samples import KIND, Sample
from judge.store.base import Run
from judge.trust.budget import Curve, Subject, curve_of, subject_of
from judge.trust.calibrate import calibrate
from judge.trust.finding import DesignName, Findings
from judge.trust.from_files import material
from judge.trust.from_run import material_of
from judge.trust.gather import Material, parts
from judge.trust.identity import identity_of
from judge.trust.issue import foreign_identity, issue
from judge.trust.part import Part
from judge.trust.question import Question

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
    run: Run | None = None
    drawn: Sample | None = None


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
    columns: tuple[str | None, str | None],
    people: tuple[str | None, str | None],
) -> Question:
    """Read what a command line declares.

    Parameters
    ----------
    scales, at_least, only : iterable of str
        Each ``[CRITERION=]VALUE``.
    columns : (str or None, str or None)
        Of the group and of the cluster.
    people : (str or None, str or None)
        The judge, and the rater who settles the items.

    Raises
    ------
    ConfigError
        If a declaration cannot be read, or stands twice.
    """
    return Question(
        group=columns[0] or "group",
        cluster=columns[1],
        scales=_by_criterion(scales, "--scale", _ends),
        at_least=_by_criterion(at_least, "--at-least", float),
        only=_by_criterion(only, "--only", lambda words: tuple(words.split(","))),
        judge=people[0],
        gold=people[1],
    )


def _by_criterion(
    words: Iterable[str], option: str, read: Callable[[str], Value]
) -> dict[str | None, Value]:
    found: dict[str | None, Value] = {}
    for word in words:
        name, _, value = word.rpartition("=")
        try:
            declared = read(value)
        except ValueError:
            raise ConfigError(f"{option} {word!r} cannot be read; see --help.") from None
        if (name or None) in found:
            raise ConfigError(f"{option} says {name or 'its value'} twice.")
        found[name or None] = declared
    return found


def _ends(words: str) -> tuple[float, float]:
    low, high = (float(word) for word in words.split(","))
    if not float("-inf") < low < high < float("inf"):
        raise ValueError(words)
    return low, high


def gathered(sources: Sources, asked: Question) -> Gathered:
    """Read scores and labels.

    Raises
    ------
    ConfigError
        If the sources do not fit together.
    """
    if (sources.scores is None) == (sources.run is None):
        raise ConfigError("give either --scores FILE or --run RUN.")
    if sources.run is not None:
        return _from_run(sources, sources.run, asked)
    if sources.scores is None or sources.labels is None:
        raise ConfigError("--scores needs --labels FILE with what experts said.")
    read = material(sources.scores, sources.labels, question=asked, encoding=sources.encoding)
    return Gathered(sources=sources, parts=parts(read), simulated_labels=_simulated(read))


def _from_run(sources: Sources, name: str, asked: Question) -> Gathered:
    if asked.scales:
        raise ConfigError("--scale is for --scores; a run's scales are those of its rubrics.")
    with opened(sources.store) as store:
        run = run_named(store, name)
        body = store.latest_document(run, KIND)
        drawn = Sample.model_validate_json(body) if body else None
        if sources.labels is None:
            labels = tuple(store.labels(run))
        else:
            labels = labels_for(store, run, sources.labels, encoding=sources.encoding)
        read = material_of(store, run, labels=labels, question=asked, drawn=drawn)
    if len(read.ratings) < len(labels):
        console.note(f"{len(labels) - len(read.ratings)} labels of items not drawn are left out")
    return Gathered(
        sources=sources,
        parts=parts(read),
        simulated_labels=_simulated(read),
        run=run,
        drawn=drawn,
    )


def _simulated(read: Material) -> bool:
    return any(each.rater.startswith(SIMULATED) for each in read.ratings)


def calibrated(
    sources: Sources,
    asked: Question,
    *,
    design: str | None,
    by_group: bool,
    confidence: float,
) -> Calibrated:
    """Read scores and labels and say what is found.

    Raises
    ------
    ConfigError
        If the sources do not fit together, or nobody says how the items were chosen.
    """
    read = gathered(sources, asked)
    found = calibrate(
        read.parts,
        design=_design(design, read.drawn),
        source=sources.name,
        labels=sources.labels.name if sources.labels else f"labels of {sources.name}",
        by_group=by_group,
        simulated_labels=read.simulated_labels,
        confidence=confidence,
    )
    return Calibrated(gathered=read, findings=found)


def subjects(sources: Sources, asked: Question, *, by_group: bool) -> list[Subject]:
    """Read scores and labels and take them for pilots, rate by rate.

    Raises
    ------
    ConfigError
        If there is no rate among them.
    """
    rates = [part for part in gathered(sources, asked).parts if part.counting.kind == "rate"]
    if not rates:
        raise ConfigError("labels are planned for rates; count one with --at-least LEVEL.")
    return [subject_of(part, by_group=by_group) for part in rates]


def _design(word: str | None, drawn: Sample | None) -> DesignName:
    if drawn is not None:
        if word is not None:
            raise ConfigError("--design: the run has its draw on record; leave the option out.")
        return "as-drawn"
    if word is None:
        raise ConfigError(
            "say how the labelled items were chosen: --design random, by-verdict or curated. No "
            "interval holds without it."
        )
    return console.one_of(word, DESIGNS, option="--design")


def write_json(path: Path, done: Calibrated) -> None:
    """Write all that was found."""
    write_whole(path, done.findings.model_dump_json(indent=2) + "\n")


def write_page(path: Path, done: Calibrated, *, half_width: float | None) -> None:
    """Write a page with what was found; of a run with all the rest."""
    from judge.report import from_run, write_report
    from judge.report.from_calibration import foreign_page, with_belief

    read = done.gathered
    if read.run is None:
        page = foreign_page(done.findings, rows=sum(len(part.units) for part in read.parts))
    else:
        with opened(read.sources.store) as store:
            page = from_run(store, read.run)
    curves = () if half_width is None else _curves(read.parts, half_width)
    write_report(path, with_belief(page, done.findings, read.parts, curves=curves))
    console.note(f"page: {path.resolve().as_uri()}")


def _curves(cut: Iterable[Part], half_width: float) -> tuple[Curve, ...]:
    """Foretell what more labels give, where the labels that exist allow it."""
    found: list[Curve] = []
    for part in cut:
        if part.counting.kind == "rate":
            try:
                found.append(curve_of(part, half_width=half_width))
            except InsufficientLabels as error:
                console.note(f"{part.name} {part.system}: no label budget: {error}")
    return tuple(found)


def write_passport(
    path: Path,
    done: Calibrated,
    *,
    days: int,
    judge_hash: str | None,
    rubric_hash: str | None,
) -> None:
    """Write the passport of the judge whose verdicts stand: a run's only one, or its panel."""
    read = done.gathered
    cut, identity = read.parts, _identity(read, judge_hash, rubric_hash)
    if read.run is not None:
        judge = chosen_judge(read.run)
        cut = tuple(part for part in cut if part.judge == judge)
    made = issue(
        done.findings,
        cut,
        identity,
        design=_drawn_as(done),
        today=datetime.now(UTC).date(),
        days=days,
    )
    save_passport(made, path)
    console.note(f"passport until {made.expires} in {path}")


def _identity(read: Gathered, judge_hash: str | None, rubric_hash: str | None) -> JudgeIdentity:
    if read.run is not None:
        if judge_hash is not None or rubric_hash is not None:
            raise ConfigError("--judge-hash and --rubric-hash are for --scores; a run knows them.")
        return identity_of(read.run.manifest)
    if judge_hash is None or rubric_hash is None:
        console.note("passport: judge or rubric unknown; give --judge-hash and --rubric-hash")
    names = ", ".join(sorted({part.judge for part in read.parts}))
    return foreign_identity(names, judge_hash=judge_hash, rubric_hash=rubric_hash)


def _drawn_as(done: Calibrated) -> Design:
    design = done.findings.design
    if design != "as-drawn":
        return design
    return done.gathered.drawn.design if done.gathered.drawn else "random"
