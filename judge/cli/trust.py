"""From the words of a command line to what `judge.trust` works with."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from calibration.validation import DESIGNS
from judge.cli import console
from judge.cli.labels import labels_for
from judge.cli.stores import opened, run_named
from judge.errors import ConfigError
from judge.samples import KIND, Sample
from judge.trust.calibrate import calibrate
from judge.trust.finding import DesignName, Findings
from judge.trust.from_files import material
from judge.trust.from_run import material_of
from judge.trust.gather import Material, parts
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


def question(
    *,
    scales: Iterable[str],
    at_least: Iterable[str],
    only: Iterable[str],
    group: str | None,
    cluster: str | None,
    gold: str | None,
) -> Question:
    """Read what a command line declares.

    Raises
    ------
    ConfigError
        If a declaration cannot be read, or stands twice.
    """
    return Question(
        group=group or "group",
        cluster=cluster,
        scales=_by_criterion(scales, "--scale", _ends),
        at_least=_by_criterion(at_least, "--at-least", float),
        only=_by_criterion(only, "--only", lambda words: tuple(words.split(","))),
        gold=gold,
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
            raise ConfigError(
                f"{option} {word!r} cannot be read; see cvalues calibrate --help."
            ) from None
        if (name or None) in found:
            raise ConfigError(f"{option} says {name or 'its value'} twice.")
        found[name or None] = declared
    return found


def _ends(words: str) -> tuple[float, float]:
    low, high = (float(word) for word in words.split(","))
    if not float("-inf") < low < high < float("inf"):
        raise ValueError(words)
    return low, high


def calibrated(
    sources: Sources,
    asked: Question,
    *,
    design: str | None,
    by_group: bool,
    confidence: float,
) -> tuple[Findings, tuple[Part, ...]]:
    """Read scores and labels and say what was found, and of what.

    Raises
    ------
    ConfigError
        If the sources do not fit together, or nobody says how the items were chosen.
    """
    if (sources.scores is None) == (sources.run is None):
        raise ConfigError("give either --scores FILE or --run RUN.")
    if sources.run is None:
        read, drawn = _from_files(sources, asked), None
    else:
        read, drawn = _from_run(sources, asked)
    cut = parts(read)
    found = calibrate(
        cut,
        design=_design(design, drawn),
        source=sources.name,
        labels=sources.labels.name if sources.labels else f"labels of {sources.name}",
        by_group=by_group,
        simulated_labels=any(each.rater.startswith(SIMULATED) for each in read.ratings),
        confidence=confidence,
    )
    return found, cut


def _design(word: str | None, drawn: Sample | None) -> DesignName:
    if word is not None:
        return console.one_of(word, DESIGNS, option="--design")
    if drawn is None:
        raise ConfigError(
            "say how the labelled items were chosen: --design random, by-verdict or curated. No "
            "interval holds without it."
        )
    return "as-drawn"


def _from_files(sources: Sources, asked: Question) -> Material:
    if sources.scores is None or sources.labels is None:
        raise ConfigError("--scores needs --labels FILE with what experts said.")
    return material(sources.scores, sources.labels, question=asked, encoding=sources.encoding)


def _from_run(sources: Sources, asked: Question) -> tuple[Material, Sample | None]:
    if asked.scales:
        raise ConfigError("--scale is for --scores; a run's scales are those of its rubrics.")
    with opened(sources.store) as store:
        run = run_named(store, sources.run or "")
        body = store.latest_document(run, KIND)
        drawn = Sample.model_validate_json(body) if body else None
        if sources.labels is None:
            labels = tuple(store.labels(run))
        else:
            labels = labels_for(store, run, sources.labels, encoding=sources.encoding)
        return material_of(store, run, labels=labels, question=asked, drawn=drawn), drawn


def write_page(sources: Sources, path: Path, found: Findings, cut: Sequence[Part]) -> None:
    """Write the page of the run that was calibrated.

    Raises
    ------
    ConfigError
        If the scores came from a file: the page shows responses, which it does not hold.
    """
    from judge.report import from_run, write_report
    from judge.report.from_calibration import with_belief

    if sources.run is None:
        raise ConfigError("--report shows a run; for --scores take --out-json or --json.")
    with opened(sources.store) as store:
        page = from_run(store, run_named(store, sources.run))
    write_report(path, with_belief(page, found, cut))
    console.note(f"page: {path.resolve().as_uri()}")
