"""`cvalues labels import`: bring expert labels home."""

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.options import AsJson, Encoding, StoreOption

if TYPE_CHECKING:
    from judge.importers.asked import Unit
    from judge.store.base import Label, Run
    from judge.store.sql import Store

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
        Path,
        typer.Argument(
            help="CSV, XLSX or JSONL: id, system, rater, criterion, score; a filled-in sheet of "
            "cvalues sample; or an export of Label Studio."
        ),
    ],
    run: Annotated[str, typer.Option(help="The run whose items were labelled.")],
    rater: Annotated[
        str | None, typer.Option(help="Who labelled, where the file does not say.")
    ] = None,
    store: StoreOption = None,
    encoding: Encoding = None,
    json_: AsJson = False,
) -> None:
    """Import expert labels, all of a file or none."""
    from judge.cli import console
    from judge.cli.stores import opened, run_named

    with opened(store) as kept:
        found = run_named(kept, run)
        read = labels_for(kept, found, file, encoding=encoding, rater=rater)
        count = kept.add_labels(found, read)
    raters = len({label.rater for label in read})
    items = len({(label.id, label.system, label.sample) for label in read})
    if json_:
        console.as_json({"labels": count, "raters": raters, "items": items})
    else:
        console.say(f"{count} labels of {raters} raters on {items} items")


def labels_for(
    store: "Store", run: "Run", file: Path, *, encoding: str | None, rater: str | None = None
) -> "tuple[Label, ...]":
    """Read labels of a run's items, in whatever form they come."""
    from judge.importers.asked import Asked
    from judge.importers.labels import read_labels
    from judge.judging import kept_rubrics
    from judge.samples import KIND, Sample

    units = defaultdict[str, "list[Unit]"](list)
    for generation in store.generations(run):
        units[generation.id].append(generation.unit)
    body = store.latest_document(run, KIND)
    asked = Asked(
        units={name: tuple(listed) for name, listed in units.items()},
        rubrics=tuple(kept_rubrics(store, run).values()),
        drawn=Sample.model_validate_json(body) if body else None,
        rater=rater,
    )
    return read_labels(file, asked, encoding=encoding)
