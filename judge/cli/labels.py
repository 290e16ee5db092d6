"""`cvalues labels import`: bring expert labels home."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.options import AsJson, Encoding, StoreOption

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        _require_new(kept, found, read, file)
        count = kept.add_labels(found, read)
    raters = len({label.rater for label in read})
    items = len({(label.id, label.system, label.sample) for label in read})
    if json_:
        console.as_json({"labels": count, "raters": raters, "items": items})
    else:
        console.say(f"{count} labels of {raters} raters on {items} items")


def _require_new(store: "Store", run: "Run", read: "Sequence[Label]", file: Path) -> None:
    """Refuse a label that the run has already, whatever form it came in."""
    from calibration.tables.errors import TableError

    known = {_place(label) for label in store.labels(run)}
    for label in read:
        if _place(label) in known:
            raise TableError(
                f"'{label.rater}' has labelled item '{label.id}' for {label.criterion} already",
                "import each label once",
                source=file,
            )


def _place(label: "Label") -> tuple[object, ...]:
    return (label.id, label.system, label.sample, label.rater, label.rubric, label.criterion)


def labels_for(
    store: "Store", run: "Run", file: Path, *, encoding: str | None, rater: str | None = None
) -> "tuple[Label, ...]":
    """Read labels of a run's items, in whatever form they come."""
    from judge.importers.asked import Asked, Home
    from judge.importers.labels import read_labels
    from judge.judging import kept_rubrics
    from judge.pointwise import language_of
    from judge.samples import KIND, Sample

    units = {
        each.unit: Home(group=each.group, lang=language_of(each)) for each in store.generations(run)
    }
    body = store.latest_document(run, KIND)
    asked = Asked(
        units=units,
        rubrics=tuple(kept_rubrics(store, run).values()),
        drawn=Sample.model_validate_json(body) if body else None,
        rater=rater,
    )
    return read_labels(file, asked, encoding=encoding)
