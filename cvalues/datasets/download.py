"""Bring one file from an address, going on where a cut connection ended.

What has come stands beside the place of the file until it is whole. There is no waiting: an attempt
that brought something is followed by the next at once, one that brought nothing ends the download,
and the same command goes on from there.
"""

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

from judge.errors import ConfigError, JudgeError

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
    return str(reason) or type(reason).__name__
