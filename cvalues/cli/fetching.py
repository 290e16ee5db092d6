"""What `cvalues fetch` does: show what there is, bring it, and say what can be done with it."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cvalues.datasets.fetch import Fetched, fetch
from cvalues.datasets.registry import data_sets
from cvalues.datasets.xstest import EXPERTS, write_tables
from judge.cli import console

_MIB: Final = 1 << 20


def list_data_sets(*, as_json: bool) -> None:
    """Print the data sets that can be fetched."""
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


def bring(name: str, *, source: str | None, folder: Path, quiet: bool, as_json: bool) -> None:
    """Fetch a data set and say what came."""
    try:
        fetched = fetch(name, source=source, folder=folder, report=None if quiet else _Shown())
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


def _print(fetched: Fetched) -> None:
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
        self._say: Callable[[str], object] = sys.stderr.write

    def __call__(self, name: str, count: int) -> None:
        if sys.stderr.isatty() and count // _MIB != self._last:
            self._last = count // _MIB
            self._say(f"\r{name}: {self._last} MiB ")
