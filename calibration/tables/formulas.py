"""Texts that a spreadsheet program would run as a formula: made inert, and made whole again.

A program that opens a CSV file runs a cell that starts with ``=``, ``+``, ``-`` or ``@``. An
apostrophe in front stops it. :func:`inert` adds one and :func:`restored` takes exactly that one
away, so that what is exported is imported unchanged.
"""

import re
import unicodedata

_STARTERS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")  # the wide forms run in Chinese editions
_BREAKS = frozenset("\t\r\n")
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")


def inert(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet program would run.

    Plain numbers stay as they are. A text that looks like the outcome of this function gets
    another apostrophe, so that `restored` is its exact inverse.

    Examples
    --------
    >>> inert("=1+1"), inert("-1.5"), inert("'quoted'")
    ("'=1+1", '-1.5', "'quoted'")
    """
    return f"'{text}" if _is_active(text.lstrip("'")) else text


def restored(text: str) -> str:
    """Take away the apostrophe that `inert` put there, and no other.

    Examples
    --------
    >>> restored("'=1+1"), restored("'quoted'")
    ('=1+1', "'quoted'")
    """
    return text[1:] if text.startswith("'") and _is_active(text.lstrip("'")) else text


def _is_active(text: str) -> bool:
    if not text or _NUMBER.fullmatch(text):
        return False
    if text[0] in _BREAKS:
        return True
    first = next((mark for mark in text if not _is_skipped(mark)), "")
    return first in _STARTERS


def _is_skipped(mark: str) -> bool:
    # Programs drop blanks, controls and invisible marks before they look for a formula.
    return mark.isspace() or unicodedata.category(mark) in {"Cc", "Cf", "Zs", "Zl", "Zp"}
