"""Which data sets can be fetched, from where, and what their files must be.

`sources.json` pins each file to a commit where its publisher has commits, to a checksum where one
is known, and to a number of rows. Safety prompts of CValues are not in it: their authors withhold
them, and users bring their own (`cvalues.datasets.prompts`).
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from pydantic import Field

from calibration.tables.rows import nearest
from judge.errors import ConfigError
from judge.records import Language, Record

FOLDER: Final = Path(".cvalues") / "datasets"
"""Where data sets are kept, below the working folder."""


class RemoteFile(Record):
    """One file of a data set."""

    path: str
    """Its name on the disk."""
    url: str
    rows: int
    columns: tuple[str, ...]
    """Columns that every row must have."""
    bytes: int | None = None
    sha256: str | None = None
    git_blob: str | None = None
    """Object name of the file in git: SHA-1 of its length and content."""
    copies: Mapping[str, str] = Field(default_factory=dict)
    """Other files that may stand in for it, by SHA-256, and what they are."""

    @property
    def pinned(self) -> bool:
        """Whether its content is known before it is fetched."""
        return self.sha256 is not None or self.git_blob is not None


class DataSet(Record):
    """A data set, its licence and its files."""

    name: str
    title: Mapping[Language, str]
    licence: str
    page: str
    files: tuple[RemoteFile, ...]
    by_hand: str | None = None
    """The publisher's own command, for when the address here no longer answers."""

    @property
    def command(self) -> str:
        """The command that fetches it."""
        return f"cvalues fetch {self.name}"


@cache
def data_sets() -> Mapping[str, DataSet]:
    """Give all data sets by name."""
    text = files("cvalues.datasets").joinpath("sources.json").read_text("utf-8")
    listed = (DataSet.model_validate_json(json.dumps(entry)) for entry in json.loads(text))
    return {data_set.name: data_set for data_set in listed}


def data_set(name: str) -> DataSet:
    """Find a data set.

    Raises
    ------
    ConfigError
        With the nearest name, if there is none of this name.
    """
    known = data_sets()
    if name in known:
        return known[name]
    near = nearest(name, known)
    meant = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
    raise ConfigError(f"no data set is named {name[:40]!r}; {meant}")


def fetched_file(name: str, *, folder: Path = FOLDER) -> Path:
    """Find the first file of a data set that was fetched.

    Raises
    ------
    ConfigError
        With the command that fetches it, if it is not there.
    """
    wanted = data_set(name)
    file = folder / name / wanted.files[0].path
    if not file.is_file():
        raise ConfigError(f"{file}: not here yet; fetch it with: {wanted.command}")
    return file


def source_file(name: str | Path) -> Path:
    """Take a name as a file's, where there is one, else as that of a data set.

    Raises
    ------
    ConfigError
        With the command that fetches it, if it is a data set that is not here.
    """
    return Path(name) if Path(name).exists() or name not in data_sets() else fetched_file(str(name))
