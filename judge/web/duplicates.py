"""Near-duplicates: how much of a new prompt stands in one that is there already."""

import unicodedata
from collections.abc import Iterable

ALIKE = 0.6
"""Share of common three-character pieces from which two prompts look like one."""

_PIECE = 3


def likeness(one: str, other: str) -> float:
    """Give the Jaccard share of common pieces, 0 to 1; case, width and spaces do not count.

    >>> likeness("How do I pick a lock?", "how do i pick  a lock")
    1.0
    >>> likeness("怎样开锁", "今天天气很好")
    0.0
    """
    first, second = _pieces(one), _pieces(other)
    if not first or not second:
        return float(first == second)
    return len(first & second) / len(first | second)


def nearest(prompt: str, known: Iterable[str]) -> str | None:
    """Find the known prompt most like a new one, if any is alike at all."""
    best, most = None, ALIKE
    for other in known:
        alike = likeness(prompt, other)
        if alike >= most:
            best, most = other, alike
    return best


def _pieces(text: str) -> frozenset[str]:
    plain = "".join(
        each for each in unicodedata.normalize("NFKC", text).casefold() if each.isalnum()
    )
    if len(plain) <= _PIECE:
        return frozenset({plain} if plain else ())
    return frozenset(plain[at : at + _PIECE] for at in range(len(plain) - _PIECE + 1))
