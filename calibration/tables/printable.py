"""How hostile text is shown: control and direction marks as escapes, formulas made inert.

A terminal or an editor obeys control characters, and bidirectional marks reorder what is read;
both become visible escapes. Marks that ordinary writing needs stay: joiners inside Arabic, Indic
words and emoji sequences, and the letters themselves in any script.

A program that opens a CSV file runs a cell that starts with ``=``, ``+``, ``-`` or ``@``. An
apostrophe in front stops it. :func:`inert` adds one and :func:`restored` takes exactly that one
away, so that what is exported is imported unchanged.
"""

import re
import unicodedata

_SUSPECT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_JOINERS = "\u200c\u200d"
_EMOJI_STYLE = "\ufe0e\ufe0f"

_STARTERS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")  # the wide forms run in Chinese editions
_BREAKS = frozenset("\t\r\n")
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")


def printable(text: str, *, keep: str = "") -> str:
    r"""Show control, direction and invisible characters as escapes.

    Parameters
    ----------
    text : str
        Any text, lone surrogates included.
    keep : str
        Control characters to leave alone, such as ``"\n\t"`` for a body of several lines.

    Returns
    -------
    str
        Free of C0 and C1 controls, direction marks, invisible fillers, tag characters and lone
        surrogates. Joiners between letters and in emoji, and emoji style marks, are kept.

    Examples
    --------
    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isascii() and text.isprintable():
        return text
    return _SUSPECT.sub(lambda found: _shown(found, keep), text)


def clipped(text: str, limit: int = 40) -> str:
    """Show at most ``limit`` characters of a hostile text, as :func:`printable` does.

    Parameters
    ----------
    text : str
    limit : int
        Most characters shown, the ellipsis included.
    """
    shown = printable(text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _shown(found: re.Match[str], keep: str) -> str:
    mark = found.group()
    if mark in keep or _belongs(found.string, found.start(), mark):
        return mark
    code = ord(mark)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _belongs(text: str, at: int, mark: str) -> bool:
    before = text[at - 1] if at else ""
    after = text[at + 1] if at + 1 < len(text) else ""
    if mark in _EMOJI_STYLE:
        return bool(before) and (_is_symbol(before) or before in "#*0123456789")
    if mark in _JOINERS:
        return bool(before and after) and _joins(before) and _joins(after)
    return False


def _joins(neighbour: str) -> bool:
    if neighbour in _EMOJI_STYLE or _is_symbol(neighbour):
        return True
    # Latin letters and Han characters never join: between them a joiner only hides a word.
    in_joining_script = "\u0590" <= neighbour < "\u2000"
    return in_joining_script and unicodedata.category(neighbour) in {"Lo", "Mn", "Mc"}


def _is_symbol(mark: str) -> bool:
    if mark.isascii():
        return False
    return unicodedata.category(mark) in {"So", "Sk"} or mark in "‼⁉↔"


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
