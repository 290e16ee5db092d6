"""The base of every record, and the one error of rubric files: `file:line: what; how to fix`."""

import unicodedata
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

_LONGEST_QUOTE = 60
_LONGEST_MESSAGE = 300


class Record(BaseModel):
    """Base of every record: immutable, strict, and closed to unknown fields."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


class RubricError(ValueError):
    """A rubric that cannot be used; the text says where, what is wrong and what to do.

    Attributes
    ----------
    what, fix : str
        The fault and the remedy, one line each.
    path : Path or None
        The document at fault; None when no document was found.
    line : int or None
        Line in the document, counted from 1; None when the fault is the file itself.
    """

    def __init__(
        self, what: str, *, fix: str, path: Path | None = None, line: int | None = None
    ) -> None:
        self.what = what
        self.fix = fix
        self.path = path
        self.line = line
        super().__init__(_one_line(what, fix, place=place(path, line)))


def problem(what: str, *, fix: str, at: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """Make an error that a validator raises and the loader turns into `file:line: what; fix`.

    Parameters
    ----------
    what, fix : str
        The fault and the remedy.
    at : tuple of str or int
        Keys and positions that lead from the record being validated to the fault.
    """
    # The braces of a message are pydantic's placeholders, so the texts travel beside it.
    return PydanticCustomError("rubric", "{what}", {"what": what, "fix": fix, "at": at})


def place(path: Path | None, line: int | None) -> str:
    """Name a spot in a file as `file:line`, `file` or an empty string."""
    if path is None:
        return ""
    name = visible(str(path), longest=120)
    return name if line is None else f"{name}:{line}"


def quoted(value: object) -> str:
    """Show a value from a document in a message: short, on one line, nothing hidden."""
    return f"'{visible(str(value), longest=_LONGEST_QUOTE)}'"


def visible(text: str, *, longest: int) -> str:
    """Write control and format characters as codes and cut what is too long."""
    cut = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(_code(char) if is_hidden(char) else char for char in cut)


def is_hidden(char: str) -> bool:
    """Tell whether a character shows nothing or steers the display (categories C and Zl, Zp)."""
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _code(char: str) -> str:
    return f"\\u{ord(char):04x}"


def _one_line(what: str, fix: str, *, place: str) -> str:
    message = f"{what}; {fix}"
    return visible(f"{place}: {message}" if place else message, longest=_LONGEST_MESSAGE)
