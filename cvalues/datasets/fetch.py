"""Fetch a data set: from its publisher, a mirror, a folder or a file, and only if it is the same.

Each file must have the checksum that is known of it, else the checksum that it had when it was
fetched first, and in any case the number of rows and the columns. What differs is reported and not
accepted: a benchmark that changed in silence measures something else.
"""

import hashlib
import http.client
import json
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

from pydantic import Field

from judge.errors import ConfigError, JudgeError
from judge.files.atomic import make_folder, write_whole
from judge.files.decoding import TableError, open_plain
from judge.files.read import read_rows
from judge.files.row import nearest
from judge.records import Language, Record

# Bring one file from an address, going on where a cut connection ended.
#
# What has come stands beside the place of the file until it is whole. There is no waiting: an
# attempt that brought something is followed by the next at once, one that brought nothing ends
# the download, and the same command goes on from there.

ATTEMPTS: Final = 20
STALLED_AFTER: Final = 30.0
"""Seconds without a byte after which a connection counts as cut."""
MOST_BYTES: Final = 2 << 30
"""Bytes of a file whose size is not known before."""

Progress = Callable[[int], None]
"""Called with the bytes that have come so far."""

_CHUNK = 1 << 16


class FetchError(JudgeError):
    """The file did not come; the same command may go on later."""


def download(
    url: str, part: Path, *, most: int = MOST_BYTES, progress: Progress | None = None
) -> None:
    """Bring a file to ``part``, which may hold its beginning already.

    Parameters
    ----------
    url : str
        An ``https`` address, or ``http`` where the user named it.
    part : Path
        Where it is collected; a note of the server's version of it stands beside it.
    most : int
        Bytes above which the download is given up.
    progress : callable, optional

    Raises
    ------
    FetchError
        If the server does not answer, refuses, or sends no more.
    ConfigError
        If the address cannot be used or the file is too large.
    """
    check_address(url)
    wanted = _Wanted(url, part, most, progress)
    for _ in range(ATTEMPTS):
        before = wanted.kept
        failure = "it sends no more"
        try:
            if _attempt(wanted):
                wanted.note.unlink(missing_ok=True)
                return
        except (OSError, http.client.HTTPException) as error:
            failure = _failure(error)
        started_anew = before > 0 and wanted.kept == 0
        if wanted.kept <= before and not started_anew:
            raise FetchError(f"{wanted.host}: {failure}{wanted.remains}")
    raise FetchError(f"{wanted.host}: cut {ATTEMPTS} times{wanted.remains}")


def check_address(url: str) -> None:
    """See that an address can be fetched from.

    Raises
    ------
    ConfigError
        If it is neither ``https`` nor ``http``, or names no host.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ConfigError(f"{url[:80]!r} is no http or https address; give one, or a path.")


@dataclass(frozen=True, slots=True)
class _Wanted:
    url: str
    part: Path
    most: int
    progress: Progress | None

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def note(self) -> Path:
        """Where the server's version of the kept beginning is written."""
        return self.part.with_name(self.part.name + ".note")

    @property
    def version(self) -> str | None:
        """The noted version; None where the beginning is from elsewhere."""
        try:
            noted = json.loads(self.note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return str(noted["etag"]) if noted.get("url") == self.url else None

    @property
    def kept(self) -> int:
        """Bytes of the beginning that can be gone on from."""
        usable = self.part.is_file() and self.version is not None
        return self.part.stat().st_size if usable else 0

    @property
    def remains(self) -> str:
        return f"; {self.kept} bytes are kept" if self.kept else ""


def _attempt(wanted: _Wanted) -> bool:
    """Ask once; whether the file is whole now."""
    start = wanted.kept
    request = urllib.request.Request(wanted.url, headers=_headers(wanted, start))  # noqa: S310 - checked
    try:
        with _opener(wanted.url).open(request, timeout=STALLED_AFTER) as answer:
            return _collect(wanted, answer, start if _goes_on(answer, start) else 0)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        # The server has no more than what is kept: that is whole, or of another file by now.
        if error.headers.get("Content-Range", "") == f"bytes */{start}":
            return True
        wanted.part.unlink()
        return False


def _headers(wanted: _Wanted, start: int) -> dict[str, str]:
    headers = {"User-Agent": "cvalues", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if wanted.version:
            headers["If-Range"] = wanted.version
    return headers


def _goes_on(answer: http.client.HTTPResponse, start: int) -> bool:
    content_range = answer.headers.get("Content-Range", "")
    return answer.status == http.HTTPStatus.PARTIAL_CONTENT and content_range.startswith(
        f"bytes {start}-"
    )


def _collect(wanted: _Wanted, answer: http.client.HTTPResponse, start: int) -> bool:
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise ConfigError(f"{wanted.host} sends the file packed; name another mirror.")
    note = {"url": wanted.url, "etag": answer.headers.get("ETag", "")}
    wanted.note.write_text(json.dumps(note), encoding="utf-8")
    length = answer.headers.get("Content-Length", "")
    with _opened(wanted.part, start) as file:
        while chunk := answer.read(_CHUNK):
            file.write(chunk)
            if file.tell() > wanted.most:
                raise ConfigError(f"{wanted.host} sends more than {wanted.most} bytes; stopped.")
            if wanted.progress is not None:
                wanted.progress(file.tell())
        return not length.isdecimal() or file.tell() >= start + int(length)


def _opened(part: Path, start: int) -> IO[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.fdopen(os.open(part, flags, 0o600), "wb")
    file.truncate(start)
    file.seek(start)
    return file


def _opener(url: str) -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_SecureRedirects if _is_secure(url) else _Redirects)


def _is_secure(url: str) -> bool:
    return urlsplit(url).scheme == "https"


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to http and https alone."""

    def redirect_request(  # noqa: PLR0917 - the library's signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        check_address(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _SecureRedirects(_Redirects):
    """Follow no redirect from https to http."""

    def redirect_request(  # noqa: PLR0917 - the library's signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not _is_secure(newurl):
            raise ConfigError(f"{urlsplit(req.full_url).hostname} redirects to plain http.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _failure(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"it answered {error.code}"
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror.lower()  # without the number, which tells a user nothing
    return str(reason) or type(reason).__name__


# Which data sets can be fetched, from where, and what their files must be.
#
# `sources.json` pins each file to a commit where its publisher has commits, to a checksum where
# one is known, and to a number of rows. Safety prompts of CValues are not in it: their authors
# withhold them, and users bring their own (`cvalues.datasets.prompts`).

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
        One of `data_sets`.
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
    make_folder(task.place)
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
    by_hand, again = task.data_set.by_hand, _command(task)
    if not by_hand:
        return f"to go on: {again}"
    return f"to go on: {again}, or {by_hand} and then {task.data_set.command} --from FOLDER"


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
