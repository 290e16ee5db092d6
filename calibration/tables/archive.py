"""The zip archive around a workbook, checked before anything in it is parsed."""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from calibration.tables.errors import Place
from calibration.tables.printable import clipped

MAX_PACKED = 32 * 1024 * 1024
"""Bytes of the file."""

MAX_UNPACKED = 100 * 1024 * 1024
"""Bytes of all entries together."""

MAX_ENTRIES = 10_000
MAX_RATIO = 100
"""Bytes unpacked for each byte packed, in entries above 1 MiB; real sheets stay under 30."""

_SMALL = 1024 * 1024
_CHUNK = 64 * 1024
_OFFICE = b"\xd0\xcf\x11\xe0"
_RESAVE = "save the workbook again as .xlsx"


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive whose list of entries is sound.

    Attributes
    ----------
    place : Place
        The file, for messages.
    entries : Mapping[str, ZipInfo]
        By name in lower case: Office takes names as equal in any case.
    """

    place: Place
    packed: zipfile.ZipFile
    entries: Mapping[str, zipfile.ZipInfo]

    def chunks(self, name: str) -> Iterator[bytes]:
        """Unpack one entry piece by piece, never more than it declared.

        Raises
        ------
        TableError
            If it is missing or damaged.
        """
        entry = self.entries.get(name.lower())
        if entry is None:
            raise self.place.error(f"the workbook has no part '{clipped(name)}'", _RESAVE)
        try:
            with self.packed.open(entry) as part:
                while chunk := part.read(_CHUNK):
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise self.place.error(f"the part '{clipped(name)}' is damaged", _RESAVE) from error


def open_archive(file: BinaryIO, path: Path) -> Archive:
    """Open a workbook's archive after checking its sizes, names and kinds of entries.

    Parameters
    ----------
    file : binary file at its start
    path : Path
        As the user named it, for messages.

    Raises
    ------
    TableError
        If the archive is damaged, encrypted, hostile, or holds macros or links to other files.
    """
    place = Place(path)
    _check_kind(file, place)
    try:
        packed = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise place.error("the archive is damaged or cut off", _RESAVE) from error
    found = packed.infolist()
    if len(found) > MAX_ENTRIES:
        raise place.error(f"{len(found)} entries, more than {MAX_ENTRIES}", _RESAVE)
    for entry in found:
        _check_entry(entry, place)
    if sum(entry.file_size for entry in found) > MAX_UNPACKED:
        raise place.error("it unpacks to more than 100 MiB", "use CSV or JSONL for large tables")
    entries = {entry.filename.lower(): entry for entry in found}
    if len(entries) != len(found):
        raise place.error("two entries have the same name", _RESAVE)
    _check_contents(entries, place)
    return Archive(place, packed, entries)


def _check_kind(file: BinaryIO, place: Place) -> None:
    head = file.read(8)
    size = file.seek(0, 2)
    file.seek(0)
    if head.startswith(_OFFICE):
        raise place.error(
            "the workbook is encrypted or in the old .xls format",
            "save it as .xlsx without a password",
        )
    if not head.startswith(b"PK\x03\x04"):
        raise place.error("this is no .xlsx workbook", "save it as .xlsx, or name it what it is")
    if size > MAX_PACKED:
        raise place.error("the workbook is larger than 32 MiB", "use CSV or JSONL for large tables")


def _check_entry(entry: zipfile.ZipInfo, place: Place) -> None:
    name = entry.orig_filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or any(mark in name for mark in "\\:\0"):
        raise place.error(f"an entry is named '{clipped(name)}', outside the workbook", _RESAVE)
    if entry.flag_bits & 1:
        raise place.error("the workbook is encrypted", "save it without a password")
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise place.error("an unusual way of compression", _RESAVE)
    if entry.file_size > max(_SMALL, MAX_RATIO * entry.compress_size):
        raise place.error(
            f"an entry unpacks to more than {MAX_RATIO} times its size",
            "use CSV, if the table is really that large",
        )


def _check_contents(names: Mapping[str, object], place: Place) -> None:
    if any(PurePosixPath(name).name == "vbaproject.bin" for name in names):
        raise place.error("the workbook holds macros", "save it as .xlsx, without macros")
    if any(name.startswith("xl/externallinks/") for name in names):
        raise place.error(
            "the workbook takes values from other files", "break the links, keeping the values"
        )
    if "xl/workbook.xml" not in names:
        raise place.error("this is no .xlsx workbook", "save it as .xlsx, or name it what it is")
