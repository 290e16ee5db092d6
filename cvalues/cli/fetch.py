"""`cvalues fetch`: bring a data set here, whole and unchanged."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from judge.cli.options import AsJson, Quiet

if TYPE_CHECKING:
    from cvalues.datasets.fetch import Fetched

_MIB: Final = 1 << 20


def fetch(
    name: Annotated[
        str | None, typer.Argument(help="Data set; without one, those that there are.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="A file, a folder, or the address of a mirror's folder.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for data sets.")] = None,
    quiet: Quiet = False,
    json_: AsJson = False,
) -> None:
    """Download a data set, with checksum, number of rows and columns checked.

    A file that is not what was published is reported and not accepted. A cut download goes on when
    the same command is given again.
    """
    if name is None:
        _list_data_sets(as_json=json_)
    else:
        _bring(name, source=source, folder=out, quiet=quiet, as_json=json_)


def _list_data_sets(*, as_json: bool) -> None:
    from cvalues.datasets.registry import data_sets
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
    from cvalues.datasets.fetch import fetch as bring
    from cvalues.datasets.registry import FOLDER
    from cvalues.datasets.xstest import EXPERTS, write_tables
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
        console.say(f"{Path(fetched.folder) / file.path}: {file.rows} rows, {state}")
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
