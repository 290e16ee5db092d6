"""`cvalues sample`: choose items for experts, blind to the judge."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from judge.cli.options import AsJson, StoreOption


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
    from judge.cli import console
    from judge.cli.options import parts
    from judge.cli.stores import opened, run_named
    from judge.exporters.sheets import screen_path, sheet_form, write_sheet
    from judge.records import Language
    from judge.samples import KIND, SampleDesign
    from judge.trust.drawing import Wish, draw_items

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
        write_sheet(out, drawn.sample, drawn.shown, criteria=drawn.criteria)
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
