"""`cvalues export`: tidy tables of a run."""

from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from judge.cli.options import StoreOption


def export(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    what: Annotated[
        str,
        typer.Option(
            help="verdicts, attempts, labels, summary, generations, mlflow, or run: "
            "all of it, a store of its own for --baseline-store."
        ),
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
    from judge.store.copies import write_run

    kind = console.one_of(what, (*get_args(What), "mlflow", "run"), option="--what")
    with opened(store) as kept:
        found = run_named(kept, run)
        if kind == "run":
            count = write_run(kept, found, out)
        else:
            form = console.one_of(
                format_ or out.suffix[1:], get_args(Format), option="--format, the ending of --out,"
            )
            mlflow = kind == "mlflow"
            table = feedback(kept, found) if mlflow else rows(kept, found, cast("What", kind))
            count = write_rows(out, table, form=form, raw=raw)
    console.note(f"{count} rows in {out}")
