"""A whole JSON document, for the files of other tools that are no tables."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from calibration.tables.errors import Place, TableError
from calibration.tables.printable import clipped
from calibration.tables.rows import nearest
from calibration.tables.source import open_plain, text_lines
from calibration.tables.strict_json import parse_json

MAX_DOCUMENT = 256 * 1024 * 1024
"""Bytes of a document: it is held in memory as a whole."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value within a document, and the way to it.

    Attributes
    ----------
    value : object
        What JSON holds there.
    way : str
        Such as ``samples[3].output``; empty for the document itself.
    place : Place
        The file, and the line in a file of lines.
    """

    value: object
    way: str
    place: Place

    def at(self, name: str) -> "Node":
        """Go to a field of an object; a TableError names the nearest when it is missing."""
        fields = self.fields()
        if name not in fields:
            near = nearest(name, fields)
            found = f"found '{clipped(near)}'" if near else "is it the file of another tool?"
            raise self.error(f"has no '{name}'", found)
        return fields[name]

    def get(self, name: str) -> "Node | None":
        """Go to a field of an object; None where it is missing or null."""
        node = self.fields().get(name)
        return None if node is None or node.value is None else node

    def fields(self) -> dict[str, "Node"]:
        """All fields of an object; a TableError when it is none."""
        if not isinstance(self.value, Mapping):
            raise self.error("is no object", "is it the file of another tool?")
        fields = cast("Mapping[str, object]", self.value)
        lead = f"{self.way}." if self.way else ""
        return {name: Node(value, f"{lead}{name}", self.place) for name, value in fields.items()}

    def items(self) -> "Iterator[Node]":
        """Give the elements of an array one by one; a TableError when it is none."""
        if not isinstance(self.value, list):
            raise self.error("is no array", "is it the file of another tool?")
        for number, value in enumerate(cast("list[object]", self.value)):
            yield Node(value, f"{self.way}[{number}]", self.place)

    def fields_of(self, name: str) -> dict[str, "Node"]:
        """All fields of the object in a field; none where it is missing or null."""
        node = self.get(name)
        return {} if node is None else node.fields()

    def items_of(self, name: str) -> "Iterator[Node]":
        """Give the elements of the array in a field; none where it is missing or null."""
        node = self.get(name)
        return iter(()) if node is None else node.items()

    def text(self) -> str:
        """Read a text; a TableError when it is none."""
        if not isinstance(self.value, str):
            raise self.error("is no text", "is it the file of another tool?")
        return self.value

    def error(self, what: str, fix: str) -> TableError:
        """Make the error that points here."""
        return self.place.error(f"{clipped(self.way, 120) or 'the document'} {what}", fix)


def read_document(path: str | Path) -> Node:
    """Read a JSON file as a whole.

    ``NaN`` and ``Infinity``, which Python and JavaScript tools write for a missing number, are
    null here.

    Raises
    ------
    TableError
        If the file cannot be opened, is no JSON, or is larger than ``MAX_DOCUMENT``.
    """
    source = Path(path)
    with open_plain(source) as file:
        if file.seek(0, io.SEEK_END) > MAX_DOCUMENT:
            raise Place(source).error(
                "the document is larger than 256 MiB", "let the tool write several files"
            )
        file.seek(0)
        text = "".join(line for _, line in text_lines(file, source, None, longest=MAX_DOCUMENT))
    return Node(parse_json(text, Place(source), nan_is_null=True), "", Place(source))
