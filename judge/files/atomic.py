"""Files that are whole or not there: written beside their place, flushed, then renamed."""

import errno
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from judge.errors import ConfigError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_OWNER_ONLY = 0o600


@contextmanager
def replacing(path: Path, *, mode: int = _OWNER_ONLY) -> Generator[IO[bytes]]:
    """Open a file for writing that takes its place only when the block ends without an error.

    A crash at any point leaves what stood there before. Only an ordinary file is replaced: no
    link, folder, pipe or device.

    Parameters
    ----------
    path : Path
        Where the file will stand; its folder must exist.
    mode : int
        Permissions of the file, whatever the umask says.

    Yields
    ------
    binary file

    Raises
    ------
    ConfigError
        If the file cannot stand there.
    OSError
        If the disk is full; the error names the file.
    """
    beside, descriptor = _open_beside(path, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException as error:
        with suppress(OSError):
            beside.unlink()
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            error.filename = str(path)
        raise
    _flush_folder(path.parent)


def make_folder(folder: Path, *, mode: int = 0o777) -> None:
    """Make a folder and those above it, where they are not there yet.

    Raises
    ------
    ConfigError
        If it cannot be made: a file stands there, or in the place of a folder above it.
    """
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigError(f"{folder}: a file stands in its way; name a folder.") from error
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be made: {error.strerror}; choose another place."
        ) from error


def require_places(*paths: Path | None) -> None:
    """See that files can stand where they are wanted, before anything is paid for.

    Parameters
    ----------
    *paths : Path or None
        None for a file that nobody wants.

    Raises
    ------
    ConfigError
        At the first that cannot stand there.
    """
    for path in paths:
        if path is not None:
            beside, descriptor = _open_beside(path, _OWNER_ONLY)
            os.close(descriptor)
            beside.unlink()


def _open_beside(path: Path, mode: int) -> tuple[Path, int]:
    """Begin a new file in the same folder, and give its name and descriptor."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ConfigError(f"{path}: this is a link, folder or device; name an ordinary file.")
    beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        return beside, os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written: {error.strerror}; choose another place."
        ) from error


def write_whole(path: Path, content: str | bytes, *, mode: int = _OWNER_ONLY) -> None:
    """Write a whole file at once; text as UTF-8, line ends as they are.

    Raises
    ------
    ConfigError
        If the file cannot stand there.
    """
    with replacing(path, mode=mode) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
