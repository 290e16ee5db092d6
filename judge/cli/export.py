"""`cvalues export`, `report` and `import`: a run as tables or a page, and what other tools kept."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from judge.cli.completion import complete_run
from judge.cli.console import AsJson, StoreOption, group_names
from judge.files.decoding import counted

if TYPE_CHECKING:
    from judge.exporters.tables import What
    from judge.store.records import Run
    from judge.store.store import Store


def export(
    run: Annotated[str, typer.Argument(help="Name of the run.", autocompletion=complete_run)],
    out: Annotated[Path, typer.Option(help="File to write.")],
    what: Annotated[
        str,
        typer.Option(
            help="verdicts, attempts, labels, summary, generations, mlflow, or run (the whole "
            "run as a store of its own, for --baseline-store)."
        ),
    ] = "verdicts",
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="jsonl, csv or parquet; default: by the file suffix. Parquet without a suffix "
            "writes a folder of files.",
        ),
    ] = None,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw", help="CSV without protection against formulas in cells (for programs only)."
        ),
    ] = False,
    store: StoreOption = None,
) -> None:
    """Export verdicts, calls, labels, summary or responses of a run as a table."""
    from judge.cli import console
    from judge.cli.console import opened, run_named
    from judge.errors import ConfigError
    from judge.exporters.parquet import write_parquet_folder
    from judge.exporters.tables import COLUMNS, Format, What, write_rows
    from judge.store.digests import seal
    from judge.store.run_file import write_run

    kind = console.one_of(what, (*get_args(What), "mlflow", "run"), option="--what")
    with opened(store) as kept:
        found = run_named(kept, run)
        if kind == "run":
            if format_ is not None:
                raise ConfigError("--what run writes a store; leave out --format.")
            count = write_run(kept, found, out)
            with opened(str(out)) as copy:
                seal(copy, run_named(copy, found.name))
        else:
            form = console.one_of(
                format_ or out.suffix[1:], get_args(Format), option="--format, the ending of --out,"
            )
            table = _table(kept, found, kind, form)
            columns = COLUMNS.get(kind, ())
            if form == "parquet" and not out.suffix:
                count = write_parquet_folder(out, table, columns=columns)
            else:
                count = write_rows(out, table, form=form, raw=raw, columns=columns)
    console.note(f"{counted(count, 'row')} in {out}")


def _table(store: "Store", run: "Run", kind: str, form: str) -> Iterable[Mapping[str, object]]:
    from judge.exporters.row_order import typed_first
    from judge.exporters.tables import feedback, filled, rows

    if kind == "mlflow":
        return feedback(store, run)
    if kind == "generations" and form != "jsonl":
        return filled(lambda: rows(store, run, "generations"))
    if form == "jsonl" and kind != "attempts":
        return typed_first(lambda: rows(store, run, cast("What", kind)))
    return rows(store, run, cast("What", kind))


def report(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="Name of the run.", autocompletion=complete_run)],
    out: Annotated[
        Path | None, typer.Option(help="HTML file; default: RUN.html in this folder.")
    ] = None,
    lang: Annotated[
        str | None, typer.Option(help="Language shown first: zh or en; default: the browser's.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="System that others are compared with; default: the first.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    store: StoreOption = None,
) -> None:
    """Write the report of a run: one offline HTML page in Chinese and English, printable."""
    from judge.cli import console
    from judge.cli.console import opened, run_named
    from judge.records import Language
    from judge.report import from_run, write_report

    shown = None if lang is None else console.one_of(lang, get_args(Language), option="--lang")
    with opened(store) as kept:
        found = run_named(kept, run)
        page = from_run(
            kept,
            found,
            group_names=group_names(context),
            baseline=baseline,
            lang=shown,
        )
    path = out or Path(re.sub(r"[^\w.-]+", "-", run) + ".html")
    write_report(path, page)
    console.say(f"page: {path.resolve().as_uri()}")
    if open_:
        typer.launch(path.resolve().as_uri())


def import_(
    tool: Annotated[
        str,
        typer.Argument(
            help="chat, deepeval, inspect_ai, langfuse, lm_eval, mlflow, opencompass, "
            "opentelemetry, parquet, promptfoo or sharegpt, or a tool that another package "
            "registers (entry points in the group cvalues.importers)."
        ),
    ],
    file: Annotated[
        Path, typer.Argument(help="The tool's result file; for parquet also a folder.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Write the responses here, as input of cvalues judge.")
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(help="Write the tool's scores here, as input of cvalues calibrate."),
    ] = None,
    system: Annotated[
        str | None, typer.Option(help="Name of the model under test, if the file has none.")
    ] = None,
    json_: AsJson = False,
) -> None:
    """Convert another tool's results into responses to judge or scores to calibrate."""
    from judge.cli import console
    from judge.exporters.tables import generation_row, write_rows
    from judge.importers.registry import read_of

    read = read_of(tool, file, system=system)
    if out is not None:
        write_rows(out, map(generation_row, read.generations), form="jsonl")
    if scores is not None:
        write_rows(scores, (score.model_dump() for score in read.scores), form="jsonl")
    responses, found = len(read.generations), len(read.scores)
    if json_:
        left = list(read.left_out)
        console.as_json({"responses": responses, "scores": found, "left_out": left})
        return
    console.say(f"{counted(responses, 'response')}, {counted(found, 'score')}")
    for line in read.left_out:
        console.note(f"left out: {line}")
