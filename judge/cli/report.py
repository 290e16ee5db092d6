"""`cvalues report`: one page of a run."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from judge.cli.options import StoreOption, group_names


def report(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    out: Annotated[Path, typer.Option(help="HTML file to write.")],
    lang: Annotated[
        str | None, typer.Option(help="Shown first: zh or en; else the language of most items.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="System that others are compared with; else the first.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Write a run as one HTML page: offline, in Chinese and English, printable."""
    from judge.cli import console
    from judge.cli.stores import opened, run_named
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
    write_report(out, page)
    console.say(f"page: {out.resolve().as_uri()}")
