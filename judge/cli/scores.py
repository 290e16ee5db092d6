"""`cvalues scores import`: scores of another tool as a run, and files in the place of runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.console import AsJson, ColumnNames, Encoding, Scales, ScoreWords, StoreOption
from judge.files.decoding import counted

if TYPE_CHECKING:
    from judge.importers.scores import ImportedScores
    from judge.policy import Measure
    from judge.store.records import Run
    from judge.store.store import Store

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".xlsx", ".ods", ".parquet")

NO_TEXTS = (
    "the table holds no responses, so experts would see ids alone; name the column with "
    "--columns response=COLUMN"
)

app = typer.Typer(
    name="scores",
    help="Scores of other tools: import them as a run.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@dataclass(frozen=True, kw_only=True)
class Words:
    """How a table of scores is to be read."""

    columns: Sequence[str] = ()
    values: Sequence[str] = ()
    scales: Sequence[str] = ()
    encoding: str | None = None


@app.callback()
def scores() -> None:
    """Keep scores that another tool gave as a run of their own."""


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV, XLSX, JSONL or Parquet (also a folder): id, system, judge, criterion, score."
        ),
    ],
    run: Annotated[str | None, typer.Option(help="Name of the run; else that of the file.")] = None,
    columns: ColumnNames = None,
    values: ScoreWords = None,
    scale: Scales = None,
    store: StoreOption = None,
    encoding: Encoding = None,
    json_: AsJson = False,
) -> None:
    """Import scores of another tool as a run that can be sampled, calibrated, compared and gated.

    The scores are whole levels. The same file again is the same run. Give prompt and response
    columns, so that experts can read what they label.
    """
    from judge.cli import console
    from judge.cli.console import opened

    words = Words(columns=columns or (), values=values or (), scales=scale or (), encoding=encoding)
    with opened(store) as kept:
        found = _read(file, words)
        made = _kept(kept, found, file, name=run)
    if not found.texts:
        console.note(NO_TEXTS)
    if json_:
        console.as_json(
            {"run": made.name, "items": len(found.generations), "judgments": len(found.judgments)}
        )
        return
    console.say(
        f"run {made.name}: {counted(len(found.judgments), 'judgment')} of "
        f"{counted(len(found.generations), 'response')} "
        f"by {', '.join(found.judges)}"
    )
    console.say(
        f"draw items for experts with: cvalues sample {made.name} --n 100 --out labels.xlsx"
    )


def run_or_table(store: "Store", name: str, words: Words) -> str:
    """Give the name of a run, ``RUN`` or ``RUN:SYSTEM``; a table in its place is imported first.

    Parameters
    ----------
    store : Store
    name : str
        A run, or the path of a table of scores, either with ``:SYSTEM`` behind it.
    words : Words
        How to read a table.

    Raises
    ------
    TableError, ConfigError
        If it is a table that cannot be used.
    """
    if any(name in {run.name, f"{run.name}:{name.rpartition(':')[2]}"} for run in store.runs()):
        return name
    for given, system in ((name, ""), (name.rpartition(":")[0], name.rpartition(":")[2])):
        file = Path(given)
        if given and _is_table(file):
            made = _kept(store, _read(file, words), file, name=None)
            return f"{made.name}:{system}" if system else made.name
    return name


def _is_table(file: Path) -> bool:
    if file.is_dir():
        return next(file.glob("*.parquet"), None) is not None
    return file.suffix.lower() in TABLES and file.is_file()


def _read(file: Path, words: Words) -> "ImportedScores":
    from judge.cli.declarations import scales_of
    from judge.files.mapping import parse_mapping
    from judge.importers.scores import read_scores

    return read_scores(
        file,
        parse_mapping(words.columns, words.values),
        scales=scales_of(words.scales),
        encoding=words.encoding,
    )


def _kept(store: "Store", found: "ImportedScores", file: Path, *, name: str | None) -> "Run":
    from judge.run.score_import import keep_scores

    wanted = name or file.stem
    there = store.find_run(wanted)
    if name is None and there is not None and there.manifest.source.sha256 != found.sha256:
        wanted = f"{file.stem}-{found.sha256[:8]}"
    return keep_scores(store, found, name=wanted, file=file)


def measure_of(store: "Store", run: str, criterion: str, *, at_least: int | None) -> "Measure":
    """Make a measure of a run's criterion: a rate where levels are two or a bar is given.

    Parameters
    ----------
    store : Store
    run : str
        ``RUN`` or ``RUN:SYSTEM``.
    criterion : str
        ``CRITERION`` or ``RUBRIC.CRITERION``.
    at_least : int or None
        The level from which on an item passes.

    Raises
    ------
    ConfigError
        If the run has no such criterion, or the bar parts no level from another.
    """
    from judge.errors import ConfigError
    from judge.policy import Measure
    from judge.sides import find_side
    from judge.store.run_contents import kept_rubrics

    side = find_side(store, run)
    known = {
        f"{rubric.id}.{each.id}": (rubric.id, each)
        for rubric in kept_rubrics(store, side.run).values()
        for each in rubric.criteria
    }
    fitting = [name for name in known if criterion in {name, name.partition(".")[2]}]
    if len(fitting) != 1:
        raise ConfigError(
            f"--criterion {criterion!r}: run {side.run.name!r} has {', '.join(known) or 'none'}."
        )
    rubric, found = known[fitting[0]]
    scale = found.scale
    bar = scale.max if len(scale.levels) == 2 and at_least is None else at_least
    if bar is not None and not scale.min < bar <= scale.max:
        raise ConfigError(f"--at-least {bar} parts no level of {fitting[0]} from another.")
    better = found.direction != "lower_is_better"
    if bar is not None:
        return Measure(
            kind="rate", rubric=rubric, criterion=found.id, at_least=bar, higher_is_better=better
        )
    return Measure(
        kind="mean",
        rubric=rubric,
        criterion=found.id,
        low=float(scale.min),
        high=float(scale.max),
        higher_is_better=better,
    )
