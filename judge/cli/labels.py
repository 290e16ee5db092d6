"""`cvalues labels import`: bring expert labels home."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from judge.cli.options import AsJson, Encoding, StoreOption

app = typer.Typer(
    name="labels",
    help="Expert labels of a run: import.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def labels() -> None:
    """Keep experts' labels beside the run that they belong to."""


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV, XLSX or JSONL: id, system, rater, criterion, score.")
    ],
    run: Annotated[str, typer.Option(help="The run whose items were labelled.")],
    store: StoreOption = None,
    encoding: Encoding = None,
    json_: AsJson = False,
) -> None:
    """Import expert labels, all of a file or none."""
    from judge.cli import console
    from judge.cli.stores import opened, run_named
    from judge.importers.labels import Unit, read_labels
    from judge.judging import kept_rubrics

    with opened(store) as kept:
        found = run_named(kept, run)
        units = defaultdict[str, list[Unit]](list)
        for generation in kept.generations(found):
            units[generation.id].append(generation.unit)
        read = read_labels(
            file,
            units={name: tuple(listed) for name, listed in units.items()},
            rubrics=kept_rubrics(kept, found).values(),
            encoding=encoding,
        )
        count = kept.add_labels(found, read)
    raters = len({label.rater for label in read})
    items = len({(label.id, label.system, label.sample) for label in read})
    if json_:
        console.as_json({"labels": count, "raters": raters, "items": items})
    else:
        console.say(f"{count} labels of {raters} raters on {items} items")
