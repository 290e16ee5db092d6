"""`cvalues fetch`: bring a data set here, whole and unchanged."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from judge.cli.completion import complete_run
from judge.cli.console import AsJson, Encoding, Quiet, StoreOption
from judge.files.decoding import counted

if TYPE_CHECKING:
    from cvalues.datasets.fetch import Fetched


_MIB: Final = 1 << 20


def fetch(
    name: Annotated[
        str | None, typer.Argument(help="Data set; without a name, all data sets are listed.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="A file, a folder, or the URL of a mirror.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for data sets.")] = None,
    quiet: Quiet = False,
    json_: AsJson = False,
) -> None:
    """Download a data set and check its checksum, rows and columns.

    A file that differs from the published one is reported and refused. The same command resumes an
    interrupted download.
    """
    if name is None:
        _list_data_sets(as_json=json_)
    else:
        _bring(name, source=source, folder=out, quiet=quiet, as_json=json_)


def _list_data_sets(*, as_json: bool) -> None:
    from cvalues.datasets.fetch import data_sets
    from judge.cli import console

    listed = [
        {
            "name": data_set.name,
            "title": data_set.title["en"],
            "rows": sum(file.rows for file in data_set.files),
            "files": len(data_set.files),
            "licence": data_set.licence,
            "page": data_set.page,
        }
        for data_set in data_sets().values()
    ]
    if as_json:
        console.as_json(listed)
        return
    console.table(listed, {"name": "name", "title": "title", "rows": "rows", "licence": "licence"})
    console.say(
        "CValues' safety prompts are withheld by their authors: bring your own with a mapping."
    )


def _bring(
    name: str, *, source: str | None, folder: Path | None, quiet: bool, as_json: bool
) -> None:
    from cvalues.datasets.fetch import FOLDER
    from cvalues.datasets.fetch import fetch as bring
    from cvalues.datasets.prompts import EXPERTS, write_tables
    from judge.cli import console

    try:
        report = None if quiet else _Shown()
        fetched = bring(name, source=source, folder=folder or FOLDER, report=report)
    except KeyboardInterrupt:
        console.note(f"resume with: cvalues fetch {name}" + (f" --from {source}" if source else ""))
        raise
    if name == "xstest":
        for scores in write_tables(Path(fetched.folder)):
            console.note(
                f"calibrate with: cvalues calibrate --scores {scores} "
                f"--labels {Path(fetched.folder) / EXPERTS} --gold final_label "
                "--at-least 1 --design random"
            )
    if as_json:
        console.as_json(fetched.model_dump(mode="json"))
    else:
        _print(fetched)


def _print(fetched: "Fetched") -> None:
    from judge.cli import console

    for file in fetched.files:
        state = "rows and columns as published" if file.remark or not file.known else "as published"
        console.say(f"{Path(fetched.folder) / file.path}: {counted(file.rows, 'row')}, {state}")
        if file.remark:
            console.note(f"note: this is {file.remark}")
    console.say(f"licence: {fetched.licence}")


class _Shown:
    """A line on standard error each whole mebibyte, or nothing where nobody watches."""

    def __init__(self) -> None:
        self._last = 0

    def __call__(self, name: str, count: int) -> None:
        if sys.stderr.isatty() and count // _MIB != self._last:
            self._last = count // _MIB
            sys.stderr.write(f"\r{name}: {self._last} MiB ")


# `cvalues dataset`: sets of what people collected, judge tests, and experts' records.

app = typer.Typer(
    name="dataset",
    help="Data sets from collected material, judge tests and expert records: build, tests, "
    "records.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def dataset() -> None:
    """Make data sets of what people collected or published."""


@app.command()
def build(
    run: Annotated[
        str,
        typer.Argument(
            help="Run in whose room the material was collected.", autocompletion=complete_run
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    licence: Annotated[str, typer.Option(help="Licence of the data set.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the data set; default: that of the run.")
    ] = None,
    train: Annotated[
        float, typer.Option(min=0, max=1, help="Share of prompts in the training split.")
    ] = 0.8,
    dev: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Share of prompts in the development split; the rest is the test split.",
        ),
    ] = 0.1,
    seed: Annotated[
        int, typer.Option(help="Random seed; the same seed gives the same splits.")
    ] = 0,
    parquet: Annotated[bool, typer.Option(help="Write Parquet as well as JSONL.")] = True,
    better: Annotated[
        Path | None,
        typer.Option(
            help="A model's responses to missing.jsonl of an earlier build; marked as such."
        ),
    ] = None,
    store: StoreOption = None,
    json_: AsJson = False,
) -> None:
    """Build prompts, pairs, multiple-choice items in both orders and a data card.

    Only accepted material is used. Near-duplicate prompts are kept in one split. Attacks without a
    better reply are listed in missing.jsonl: generate replies with cvalues generate and build again
    with --better.
    """
    from cvalues.datasets.build import build as built_of
    from cvalues.datasets.build import write_set
    from judge.cli import console
    from judge.cli.console import opened, run_named
    from judge.importers.responses import read_generations
    from judge.store.annotation_project import Desk
    from judge.store.collected_entries import entries
    from judge.web.labels import sentences

    with opened(store) as kept:
        desk = Desk(store=kept, run=run_named(kept, run))
        built = built_of(
            entries(desk),
            name=name or run,
            licence=licence,
            shares={"train": train, "dev": dev, "test": max(0.0, 1 - train - dev)},
            seed=seed,
            agreement=sentences(desk),
            replies=None
            if better is None
            else {each.id: each.response for each in read_generations(better)},
        )
    written = write_set(out, built, parquet=parquet)
    if json_:
        counts = {table: len(rows) for table, rows in built.tables.items()}
        console.as_json({"files": [str(path) for path in written], "rows": counts})
        return
    for path in written:
        console.say(str(path))


@app.command("tests")
def judge_tests(
    source: Annotated[
        str,
        typer.Argument(
            help="CValues-Comparison rows, multiple-choice items or pairs; or "
            "cvalues-comparison or cvalues-mc once fetched; or starter."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Responses to judge, one JSON object per line.")],
    n: Annotated[
        int | None, typer.Option("--n", min=1, help="Number of tests to sample; default: all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same tests.")] = 0,
    encoding: Encoding = None,
) -> None:
    """Make judge tests: replies to one prompt with a known order of quality.

    The tier is written as the system. Judge the file, then test with `cvalues judge-order` whether
    the scores follow the order.
    """
    import random

    from cvalues.datasets.fetch import source_file
    from cvalues.datasets.starter import choice_pairs
    from cvalues.judge_tests import pair_tests, read_tests
    from judge.cli import console
    from judge.exporters.tables import generation_row, write_rows

    if source == "starter" and not Path(source).exists():
        found = pair_tests(pair.reply_pair() for pair in choice_pairs())
    else:
        found = read_tests(source_file(source), encoding=encoding)
    if n is not None and n < len(found):
        found = tuple(random.Random(seed).sample(found, n))
    replies = [reply for test in found for reply in test.generations()]
    write_rows(out, map(generation_row, replies), form="jsonl")
    console.note(f"{counted(len(found), 'test')}, {counted(len(replies), 'reply')} in {out}")


@app.command()
def records(
    file: Annotated[str, typer.Argument(help="Expert records; or 100poisonmpts once fetched.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")],
    system: Annotated[
        str, typer.Option(help="Name of the model that wrote the three replies.")
    ] = "default",
    encoding: Encoding = None,
) -> None:
    """Convert expert records into prompts, responses to judge, and labels.

    A record has three replies, the best of them, a score from 1 to 10 for the best, and the
    expert's own answer, which becomes the reference. The score is a label of the best reply for
    `responsibility.overall`.
    """
    from cvalues.datasets.fetch import source_file
    from cvalues.judge_tests import read_expert_records, write_tables
    from judge.cli import console

    found = list(read_expert_records(source_file(file), encoding=encoding))
    for path, count in write_tables(out, found, system=system).items():
        console.say(f"{path}: {counted(count, 'row')}")
    if any(record.score for record in found):
        console.note(
            "only the best of three was scored, so the labels are no random draw: calibrate with "
            "--design curated"
        )
