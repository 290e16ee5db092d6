"""`cvalues sample` and `cvalues labels import`: items out to experts, their labels home."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from judge.cli.console import AsJson, Encoding, StoreOption, parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from judge.store.records import Label, Run
    from judge.store.store import Store

app = typer.Typer(
    name="labels",
    help="Expert labels of a run: import.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def sample(
    run: Annotated[str, typer.Argument(help="Name of the run.")],
    n: Annotated[int, typer.Option("--n", help="Items to draw, over all systems.", min=1)],
    out: Annotated[
        Path, typer.Option(help="Sheet to write: .xlsx, .csv, .jsonl or .labelstudio.json.")
    ],
    by: Annotated[
        str | None, typer.Option(help="Column whose values are strata, such as group.")
    ] = None,
    design: Annotated[
        str, typer.Option(help="random, by-verdict (as many of each verdict) or neyman.")
    ] = "random",
    criterion: Annotated[
        str | None,
        typer.Option(help="Criteria to ask for, with commas; else the first of each rubric."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same items.")] = 0,
    lang: Annotated[
        str | None, typer.Option(help="Of what the levels mean: zh or en; else that of most items.")
    ] = None,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """Draw items for experts to label, and record how likely each was to be drawn.

    The sheet names neither system nor judge. Bring it back with cvalues labels import; cvalues
    calibrate then knows how the items were drawn.
    """
    from judge.calibrate.label_sampling import Wish, draw_items
    from judge.cli import console
    from judge.cli.console import opened, run_named
    from judge.exporters.workbook import screen_path, sheet_form, write_sheet
    from judge.manifest import KIND, SampleDesign
    from judge.records import Language

    form = sheet_form(out)
    wish = Wish(
        n=n,
        design=console.one_of(design, get_args(SampleDesign), option="--design"),
        by=by,
        criteria=parts(criterion) if criterion else (),
        seed=seed,
        lang=console.one_of(lang, get_args(Language), option="--lang") if lang else None,
    )
    with opened(store) as kept:
        found = run_named(kept, run)
        before = kept.latest_document(found, KIND)
        drawn = draw_items(kept, found, wish)
        write_sheet(out, drawn.sample, drawn.shown, criteria=drawn.criteria, lang=drawn.lang)
        kept.add_document(found, KIND, drawn.sample.model_dump_json())
    if form == "labelstudio.json":
        console.note(f"the labelling configuration of the project is in {screen_path(out)}")
    if before is not None:
        console.note("the run had a draw before; from now on only labels of the new one count")
    if json_:
        console.as_json({"file": str(out), "form": form, **drawn.sample.model_dump(mode="json")})
        return
    systems = len({item.system for item in drawn.sample.items})
    console.say(
        f"{n} of {len(drawn.sample.cells)} items of {systems} systems in {out}, asked for "
        f"{', '.join(drawn.sample.asked)}; bring it back with: "
        f"cvalues labels import {out} --run {run}"
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
    from judge.cli.console import opened, run_named

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
    from judge.files.decoding import TableError

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
    from judge.grading.pointwise import language_of
    from judge.importers.labels import read_labels
    from judge.importers.responses import Asked, Home
    from judge.manifest import KIND, Sample
    from judge.run.plan import kept_rubrics

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
