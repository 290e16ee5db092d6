"""`cvalues sample` and `cvalues labels import`: items out to experts, their labels home."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from judge.cli.completion import complete_run
from judge.cli.console import (
    AsJson,
    ColumnNames,
    Encoding,
    Scales,
    ScoreWords,
    StoreOption,
    parts,
)
from judge.files.decoding import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from judge.calibrate.label_sampling import Drawn
    from judge.files.mapping import TableMapping
    from judge.store.records import Label, Run
    from judge.store.store import Store

app = typer.Typer(
    name="labels",
    help="Expert labels of a run: import.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


def sample(
    run: Annotated[
        str,
        typer.Argument(
            help="Name of the run, or a table of another tool's scores.",
            autocompletion=complete_run,
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Sheet to write: .xlsx, .csv, .jsonl or .labelstudio.json.")
    ],
    n: Annotated[
        int | None,
        typer.Option(
            "--n",
            help="Number of responses to sample; all responses to a prompt are taken together. "
            "Number of conversations, if each turn was judged.",
            min=1,
        ),
    ] = None,
    add: Annotated[
        int | None,
        typer.Option(help="Number to add, with the design of the latest sample.", min=1),
    ] = None,
    ids: Annotated[
        str | None, typer.Option(help="Ids that must be labelled, separated by commas.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the sample.")] = None,
    by: Annotated[
        str | None, typer.Option(help="Column that defines the strata, such as group.")
    ] = None,
    design: Annotated[
        str,
        typer.Option(
            help="Sampling design: random, by-verdict (equal numbers of each verdict) or neyman."
        ),
    ] = "random",
    criterion: Annotated[
        str | None,
        typer.Option(
            help="Criteria to label, separated by commas; default: the first of each rubric."
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            help="If each turn was judged: session (all turns of a conversation together, the "
            "default) or item (single turns)."
        ),
    ] = None,
    turn_share: Annotated[
        float,
        typer.Option(
            help="Share of the judged turns of each sampled conversation.", min=0.01, max=1.0
        ),
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same items.")] = 0,
    lang: Annotated[
        str | None,
        typer.Option(
            help="Language of the level descriptions: zh or en; default: that of most items."
        ),
    ] = None,
    columns: ColumnNames = None,
    values: ScoreWords = None,
    scale: Scales = None,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """Sample items for expert labelling and record their inclusion probabilities.

    The sheet shows neither system nor judge. Import it with cvalues labels import; cvalues
    calibrate then knows the sampling design. A later sample, with --n or --add, leaves out items
    that were sampled or labelled before; the sheets of all samples can be imported.
    """
    from judge.calibrate.label_sampling import (
        Wish,
        draw_items,
        prompts_by_group,
        topped_up,
    )
    from judge.cli import console
    from judge.cli.console import opened, run_named
    from judge.cli.scores import Words, run_or_table
    from judge.exporters.workbook import screen_path, sheet_form, write_sheet
    from judge.manifest import KIND, SampleDesign, SampledUnit
    from judge.records import Language
    from judge.store.run_contents import samples_of

    form = sheet_form(out)
    _require_one_way(n, add, ids)
    wish = Wish(
        n=n or add or 0,
        design=console.one_of(design, get_args(SampleDesign), option="--design"),
        by=by,
        criteria=parts(criterion) if criterion else (),
        seed=seed,
        lang=console.one_of(lang, get_args(Language), option="--lang") if lang else None,
        name=name,
        ids=parts(ids) if ids else (),
        unit=console.one_of(unit, get_args(SampledUnit), option="--unit") if unit else None,
        turn_share=turn_share,
    )
    words = Words(columns=columns or (), values=values or (), scales=scale or ())
    with opened(store) as kept:
        found = run_named(kept, run_or_table(kept, run, words))
        if add is not None:
            wish = topped_up(wish, samples_of(kept, found))
        drawn = draw_items(kept, found, wish)
        write_sheet(out, drawn.sample, drawn.shown, criteria=drawn.criteria, lang=drawn.lang)
        kept.add_document(found, KIND, drawn.sample.model_dump_json())
        sizes = prompts_by_group(kept.generations(found), unit=drawn.sample.unit)
    if form == "labelstudio.json":
        console.note(f"the labelling configuration of the project is in {screen_path(out)}")
    _say_drawn(drawn, sizes, run=found.name, out=out, as_json=json_)


def _say_drawn(
    drawn: "Drawn", sizes: "Mapping[str | None, int]", *, run: str, out: Path, as_json: bool
) -> None:
    """Say what was drawn, how to bring it home, and what a gate will need at least."""
    from judge.calibrate.label_sampling import least_labels
    from judge.cli import console
    from judge.exporters.workbook import sheet_form

    sample, whole = drawn.sample, drawn.sample.unit == "session"
    conversations = len({(each.cluster, each.system, each.sample) for each in drawn.shown})
    prompts = len({(each.cluster if whole else each.id, each.sample) for each in drawn.shown})
    least = least_labels(sizes, drawn=prompts)
    if as_json:
        told: dict[str, object] = {"file": str(out), "form": sheet_form(out), "least": least}
        if whole:
            told["conversations"] = conversations
        console.as_json({**told, **sample.model_dump(mode="json")})
        return
    systems = counted(len({item.system for item in sample.items}), "system")
    some, all_, asked = len(sample.items), len(sample.cells), ", ".join(sample.asked)
    if whole:
        dialogues = counted(conversations, "conversation")
        console.say(
            f"sample {sample.name}: {some} of {counted(all_, 'judged turn')} "
            f"({dialogues}, {systems}) "
            f"in {out}; criteria: {asked}"
        )
    else:
        console.say(
            f"sample {sample.name}: {some} of {counted(all_, 'response')} "
            f"({counted(prompts, 'prompt')}, "
            f"{systems}) in {out}; criteria: {asked}"
        )
    console.say(f"import the completed sheet with: cvalues labels import {out} --run {run}")
    for sentence in least:
        console.say(sentence)


def _require_one_way(n: int | None, add: int | None, ids: str | None) -> None:
    from judge.errors import ConfigError

    given = [
        name for name, value in {"--n": n, "--add": add, "--ids": ids}.items() if value is not None
    ]
    if len(given) != 1:
        raise ConfigError(f"give one of --n, --add and --ids; got {', '.join(given) or 'none'}.")


@app.callback()
def labels() -> None:
    """Keep experts' labels beside the run that they belong to."""


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV, XLSX or JSONL (id, system, rater, criterion, score); a completed sheet "
            "of cvalues sample; or an export of Label Studio."
        ),
    ],
    run: Annotated[
        str, typer.Option(help="Run whose items were labelled.", autocompletion=complete_run)
    ],
    rater: Annotated[
        str | None, typer.Option(help="Name of the rater, if the file has none.")
    ] = None,
    columns: ColumnNames = None,
    values: ScoreWords = None,
    store: StoreOption = None,
    encoding: Encoding = None,
    json_: AsJson = False,
) -> None:
    """Import expert labels; a file with a contradiction is refused as a whole."""
    from judge.cli import console
    from judge.cli.console import opened, run_named
    from judge.files.mapping import parse_mapping

    with opened(store) as kept:
        found = run_named(kept, run)
        mapping = parse_mapping(columns or [], values or [])
        read = labels_for(kept, found, file, encoding=encoding, rater=rater, mapping=mapping)
        new, known = sorted_out(kept, found, read, file)
        count = kept.add_labels(found, new)
    raters = len({label.rater for label in new})
    items = len({(label.id, label.system, label.sample) for label in new})
    unbound = sum(label.rubric_hash is None and label.text_sha256 is None for label in new)
    if json_:
        console.as_json(
            {
                "labels": count,
                "raters": raters,
                "items": items,
                "known": len(known),
                "unbound": unbound,
            }
        )
        return
    console.say(
        f"{counted(count, 'label')} from {counted(raters, 'rater')} for {counted(items, 'item')}"
    )
    if known:
        named = ", ".join(dict.fromkeys(label.id for label in known[:5]))
        more = " ..." if len(known) > 5 else ""
        console.say(f"already imported: {counted(len(known), 'label')} ({named}{more})")
    if unbound:
        console.note(
            f"{counted(unbound, 'label')} without rubric_hash and text_sha256: nothing shows that "
            "they are of these responses and this rubric"
        )


def sorted_out(
    store: "Store", run: "Run", read: "Sequence[Label]", file: Path
) -> "tuple[list[Label], list[Label]]":
    """Tell new labels from known ones, whatever form they came in; refuse a contradiction."""
    from judge.files.decoding import TableError

    there = {_place(label): label.score for label in store.labels(run)}
    new = [label for label in read if _place(label) not in there]
    known = [label for label in read if _place(label) in there]
    for label in known:
        before = there[_place(label)]
        if before != label.score:
            raise TableError(
                f"'{label.rater}' rated item '{label.id}' {_level(before)} for {label.criterion} "
                f"before, and {_level(label.score)} here",
                "find out which is meant, and take the other out",
                source=file,
            )
    return new, known


def _level(score: float | None) -> str:
    return "'cannot assess'" if score is None else f"{score:g}"


def _place(label: "Label") -> tuple[object, ...]:
    return (label.id, label.system, label.sample, label.rater, label.rubric, label.criterion)


def labels_for(
    store: "Store",
    run: "Run",
    file: Path,
    *,
    encoding: str | None,
    rater: str | None = None,
    mapping: "TableMapping | None" = None,
) -> "tuple[Label, ...]":
    """Read labels of a run's items, in whatever form they come."""
    from judge.conversation import tag_of
    from judge.importers.labels import read_labels, shown_digest
    from judge.importers.responses import Asked, Home
    from judge.store.run_contents import kept_rubrics, samples_of

    units = {
        each.unit: Home(
            group=each.group,
            lang=tag_of(each),
            text_sha256=shown_digest(each),
            turns=0 if each.turn is not None else len(each.messages),
        )
        for each in store.generations(run)
    }
    asked = Asked(
        units=units,
        rubrics=tuple(kept_rubrics(store, run).values()),
        draws=samples_of(store, run),
        rater=rater,
        language=run.manifest.language,
        **({} if mapping is None else {"mapping": mapping}),
    )
    return read_labels(file, asked, encoding=encoding)
