"""`cvalues dataset build`: a data set from what people collected."""

from pathlib import Path
from typing import Annotated

import typer

from judge.cli.options import AsJson, StoreOption

app = typer.Typer(
    name="dataset",
    help="Data sets from collected material: build.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def dataset() -> None:
    """Make data sets of what people collected in the experts' room."""


@app.command()
def build(
    run: Annotated[str, typer.Argument(help="The run in whose room it was collected.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    licence: Annotated[str, typer.Option(help="Under which the set is given on.")],
    name: Annotated[str | None, typer.Option(help="Of the set; else that of the run.")] = None,
    train: Annotated[float, typer.Option(min=0, max=1, help="Share of prompts.")] = 0.8,
    dev: Annotated[float, typer.Option(min=0, max=1, help="Share; the rest is test.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Same seed, same splits.")] = 0,
    parquet: Annotated[bool, typer.Option(help="Write Parquet beside JSONL.")] = True,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """Build prompts, pairs, both-order multi-choice items and a data card.

    Only what a reviewer accepted is used. Near-duplicate prompts never stand in two splits.
    """
    from cvalues.datasets.build import build as built_of
    from cvalues.datasets.build import write_set
    from judge.cli import console
    from judge.cli.stores import opened, run_named
    from judge.store.desk import Desk
    from judge.store.entries import entries
    from judge.web.agreement import sentences

    with opened(store) as kept:
        desk = Desk(store=kept, run=run_named(kept, run))
        built = built_of(
            entries(desk),
            name=name or run,
            licence=licence,
            shares={"train": train, "dev": dev, "test": max(0.0, 1 - train - dev)},
            seed=seed,
            agreement=sentences(desk),
        )
    written = write_set(out, built, parquet=parquet)
    if json_:
        counts = {table: len(rows) for table, rows in built.tables.items()}
        console.as_json({"files": [str(path) for path in written], "rows": counts})
        return
    for path in written:
        console.say(str(path))
