"""Write a table for a test and read it back, or say how reading it failed."""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from openpyxl import Workbook

from judge.files.decoding import TableError
from judge.files.read import read_rows


def values(path: Path, **options: str | int) -> list[dict[str, object]]:
    """The rows of a file as plain dicts."""
    return [dict(row.values) for row in read_rows(path, **options)]  # pyright: ignore[reportArgumentType] - by name


def complaint(path: Path, **options: str | int | tuple[str, ...]) -> str:
    """What reading says of a bad file, without the folder it lies in."""
    with pytest.raises(TableError) as caught:
        list(read_rows(path, **options))  # pyright: ignore[reportArgumentType] - by name
    return str(caught.value).replace(f"{path.parent}/", "")


def workbook(path: Path, rows: list[list[object]], sheets: tuple[str, ...] = ("table",)) -> Path:
    """Write a workbook with the rows on its first sheet and a word on the others."""
    book = Workbook()
    for name in sheets:
        sheet = book.create_sheet(name)
        for row in rows if name == sheets[0] else [["notes"]]:
            sheet.append(row)
    del book["Sheet"]
    book.save(path)
    return path


def repacked(path: Path, changes: Mapping[str, Callable[[bytes], bytes] | None]) -> Path:
    """Rewrite parts of a workbook; a part without a change function is left out."""
    packed = path.read_bytes()
    with (
        zipfile.ZipFile(io.BytesIO(packed)) as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            change = changes.get(name, bytes)
            if change is not None:
                new.writestr(name, change(old.read(name)))
    return path
