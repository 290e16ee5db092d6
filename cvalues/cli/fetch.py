"""`cvalues fetch`: bring a data set here, whole and unchanged."""

from pathlib import Path
from typing import Annotated

import typer

from judge.cli.options import AsJson, Quiet


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
    from cvalues.cli import fetching
    from cvalues.datasets.registry import FOLDER

    if name is None:
        fetching.list_data_sets(as_json=json_)
        return
    fetching.bring(name, source=source, folder=out or FOLDER, quiet=quiet, as_json=json_)
