"""`cvalues export`: tidy tables of a run."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from judge.cli.options import StoreOption


def export(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    what: Annotated[
        str, typer.Option(help="verdicts, attempts, labels, summary, generations or mlflow.")
    ] = "verdicts",
    format_: Annotated[
        str | None, typer.Option("--format", help="jsonl, csv or parquet; else by the suffix.")
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="CSV for machines: do not defuse formulas in cells.")
    ] = False,
    store: StoreOption = None,
) -> None:
    """Write a run's verdicts, calls, labels, summary or responses as a table."""
    from judge.cli import console
    from judge.cli.stores import opened, run_named
    from judge.exporters.files import Format, write_rows
    from judge.exporters.mlflow import feedback
    from judge.exporters.rows import What, rows

    kind = console.one_of(what, (*get_args(What), "mlflow"), option="--what")
    form = console.one_of(
        format_ or out.suffix[1:], get_args(Format), option="--format, the ending of --out,"
    )
    with opened(store) as kept:
        found = run_named(kept, run)
        table = feedback(kept, found) if kind == "mlflow" else rows(kept, found, kind)
        count = write_rows(out, table, form=form, raw=raw)
    console.note(f"{count} rows in {out}")
