"""Why a name is not found: what a spreadsheet or another tool has done to it on the way."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

from judge.files.decoding import clipped

Change = tuple[str, Callable[[str], str]]

_CHANGES: tuple[Change, ...] = (
    ("blanks at an end", str.strip),
    ("upper and lower case", str.casefold),
    ("another Unicode form of the same letters", lambda name: unicodedata.normalize("NFKC", name)),
    ("a number written with a fraction", lambda name: re.sub(r"^(-?\d+)\.0+$", r"\1", name)),
    ("leading zeros lost", lambda name: re.sub(r"^(\D*)0+(?=\d)", r"\1", name)),
    ("blanks and marks between", lambda name: re.sub(r"[\W_]+", "", name)),
)
"""What is lost or added, and how to undo it; the likeliest first."""


def folded(name: str) -> str:
    """Undo everything that tools do to names, so that what was one name is one again."""
    for _, undo in _CHANGES:
        name = undo(name)
    return name


def known_as(names: Iterable[str]) -> dict[str, str]:
    """Give the first name of each that is one when folded, for `cause`."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(folded(name), name)
    return found


def cause(name: str, known: Mapping[str, str]) -> tuple[str, str] | None:
    """Say how a name that is not found differs from one that is, and how to mend it.

    Parameters
    ----------
    name : str
    known : mapping of str to str
        Of `known_as`.

    Returns
    -------
    (str, str) or None
        What differs and the fix; None where nothing known is near.

    Examples
    --------
    >>> cause("0", known_as(["0000", "0001"]))[0]
    "it is '0000' there: leading zeros lost"
    """
    meant = known.get(folded(name))
    if meant is None:
        return None
    differs = _differences(name, meant)
    what = f"it is '{clipped(meant, 40)}' there: {' and '.join(differs) or 'spelled otherwise'}"
    fix = "write ids the same in both tables"
    if {"leading zeros lost", "a number written with a fraction"} & set(differs):
        fix = "read and save ids as text, so that no program takes them for numbers"
    return what, fix


def _differences(name: str, meant: str) -> list[str]:
    """Name the one change that parts the two, else those that part them together."""
    alone = next((what for what, undo in _CHANGES if undo(name) == undo(meant)), None)
    if alone is not None:
        return [alone]
    found: list[str] = []
    for what, undo in _CHANGES:
        one, other = undo(name), undo(meant)
        if (one, other) != (name, meant):
            found.append(what)
        name, meant = one, other
        if name == meant:
            break
    return found
