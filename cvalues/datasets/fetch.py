"""Fetch a data set: from its publisher, a mirror, a folder or a file, and only if it is the same.

Each file must have the checksum that is known of it, else the checksum that it had when it was
fetched first, and in any case the number of rows and the columns. What differs is reported and not
accepted: a benchmark that changed in silence measures something else.
"""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from calibration.tables import TableError, read_rows
from calibration.tables.source import open_plain
from cvalues.datasets.download import MOST_BYTES, FetchError, check_address, download
from cvalues.datasets.registry import FOLDER, DataSet, RemoteFile, data_set
from judge.errors import ConfigError
from judge.exporters.atomic import write_whole
from judge.records import Record

RECEIPT: Final = "fetched.json"

Report = Callable[[str, int], None]
"""Called with a file's name and the bytes of it that have come."""


class FetchedFile(Record):
    """A file as it stands on the disk."""

    path: str
    rows: int
    bytes: int
    sha256: str
    known: bool
    """Whether the content was known before; else only rows and columns could be checked."""
    remark: str | None = None
    """What it is, where it is not the publisher's own file."""


class Fetched(Record):
    """A data set as it stands on the disk."""

    name: str
    folder: str
    licence: str
    source: str
    files: tuple[FetchedFile, ...]


def fetch(
    name: str, *, source: str | None = None, folder: Path = FOLDER, report: Report | None = None
) -> Fetched:
    """Fetch a data set, or see that what is here is the right one.

    Parameters
    ----------
    name : str
        One of `cvalues.datasets.registry.data_sets`.
    source : str, optional
        Where to take the files from instead of their publisher: a file, a folder, or the address
        of a folder of a mirror.
    folder : Path
        Where data sets are kept; the files go to a folder of the data set's name in it.
    report : callable, optional
        Told how far each download is.

    Returns
    -------
    Fetched

    Raises
    ------
    ConfigError
        If a file is not what it must be, or the source does not have it. Files that were here
        before are not touched then.
    FetchError
        If a download did not end; the same call goes on with it.
    """
    wanted = data_set(name)
    place = folder / name
    first = _fetched_before(place)
    done = tuple(
        _fetch_file(_Task(wanted, file, place, source, first.get(file.path)), report)
        for file in wanted.files
    )
    fetched = Fetched(
        name=name,
        folder=str(place),
        licence=wanted.licence,
        source=source or wanted.page,
        files=done,
    )
    write_whole(place / RECEIPT, fetched.model_dump_json(indent=1) + "\n")
    return fetched


@dataclass(frozen=True, slots=True)
class _Task:
    data_set: DataSet
    file: RemoteFile
    place: Path
    source: str | None
    first: FetchedFile | None
    """What it was when it was fetched first."""

    @property
    def target(self) -> Path:
        return self.place / self.file.path

    @property
    def part(self) -> Path:
        """Where it is collected; the suffix says how it is read."""
        return self.target.with_name(f".{self.target.stem}.part{self.target.suffix}")


def _fetched_before(place: Path) -> dict[str, FetchedFile]:
    receipt = place / RECEIPT
    if not receipt.is_file():
        return {}
    try:
        fetched = Fetched.model_validate_json(receipt.read_bytes())
    except ValueError as error:
        raise ConfigError(f"{receipt}: not a receipt of this program; remove it.") from error
    return {file.path: file for file in fetched.files}


def _fetch_file(task: _Task, report: Report | None) -> FetchedFile:
    if task.target.is_file() and task.source is None:
        return _still_right(task)
    origin = _origin(task)
    task.place.mkdir(parents=True, exist_ok=True)
    if isinstance(origin, Path):
        _copy(origin, task.part)
    else:
        _download(origin, task, report)
    try:
        fetched = _checked(task, task.part, str(origin))
    except ConfigError:
        task.part.unlink()
        if not any(task.place.iterdir()):
            task.place.rmdir()
        raise
    task.part.replace(task.target)
    return fetched


def _still_right(task: _Task) -> FetchedFile:
    try:
        return _checked(task, task.target, str(task.target))
    except ConfigError as error:
        raise ConfigError(
            f"{error} To fetch it anew, remove it and run: {_command(task)}"
        ) from error


def _origin(task: _Task) -> str | Path:
    """Find where the file comes from: an address or a path."""
    path = task.file.path
    if task.source is None:
        return task.file.url
    if "://" in task.source:
        check_address(task.source)
        return f"{task.source.rstrip('/')}/{path}"
    given = Path(task.source)
    if given.is_dir():
        if (given / path).is_file():
            return given / path
        raise ConfigError(f"{given}: has no file {path}; name the folder that holds it.")
    if not given.is_file():
        raise ConfigError(f"{given}: no such file or folder; check the path.")
    if len(task.data_set.files) > 1:
        count = len(task.data_set.files)
        raise ConfigError(f"{given}: {task.data_set.name} has {count} files; name their folder.")
    return given


def _copy(origin: Path, part: Path) -> None:
    with open_plain(origin) as source, part.open("wb") as target:
        shutil.copyfileobj(source, target)


def _download(url: str, task: _Task, report: Report | None) -> None:
    path = task.file.path
    progress = None if report is None else partial(report, path)
    try:
        download(url, task.part, most=task.file.bytes or MOST_BYTES, progress=progress)
    except FetchError as error:
        raise FetchError(f"{path}: {error}; {_advice(task)}") from error


def _advice(task: _Task) -> str:
    by_hand = task.data_set.by_hand
    other = f", or {by_hand} and then {task.data_set.command} --from FOLDER" if by_hand else ""
    return f"to go on: {_command(task)}{other}"


def _command(task: _Task) -> str:
    return task.data_set.command + (f" --from {task.source}" if task.source else "")


def _checked(task: _Task, path: Path, origin: str) -> FetchedFile:
    file = task.file
    size, sha256, git_blob = _digests(path)
    remark = file.copies.get(sha256)
    same = sha256 == file.sha256 or git_blob == file.git_blob
    if file.pinned and not same and remark is None:
        raise _changed(origin, f"its SHA-256 is {sha256}, not the one that is published", task)
    if not file.pinned and task.first is not None and sha256 != task.first.sha256:
        raise _changed(origin, f"its SHA-256 is {sha256}; it was {task.first.sha256}", task)
    return FetchedFile(
        path=file.path,
        rows=_rows(task, path, origin),
        bytes=size,
        sha256=sha256,
        known=file.pinned,
        remark=remark,
    )


def _digests(path: Path) -> tuple[int, str, str]:
    """Size, SHA-256, and the name that git gives the content."""
    size = path.stat().st_size
    sha256 = hashlib.sha256()
    blob = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            sha256.update(chunk)
            blob.update(chunk)
    return size, sha256.hexdigest(), blob.hexdigest()


def _rows(task: _Task, path: Path, origin: str) -> int:
    try:
        count = sum(1 for _ in read_rows(path, required=task.file.columns))
    except TableError as error:
        where = f"{origin}:{error.line}" if error.line else origin
        raise _changed(where, error.what, task) from error
    if count != task.file.rows:
        raise _changed(origin, f"{count} rows where {task.file.rows} are published", task)
    return count


def _changed(where: str, what: str, task: _Task) -> ConfigError:
    return ConfigError(
        f"{where}: {what}; not accepted as {task.data_set.name}; see {task.data_set.page}, or give "
        "your own file to the command that reads it."
    )
