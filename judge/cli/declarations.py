"""What a command line declares criterion by criterion: ``[CRITERION=]VALUE``."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from judge.errors import ConfigError

Value = TypeVar("Value")


def by_criterion(
    words: Iterable[str], option: str, read: Callable[[str], Value]
) -> dict[str | None, Value]:
    """Read the words of an option; None stands for all criteria without an entry.

    Raises
    ------
    ConfigError
        If a word cannot be read, or a criterion stands twice.
    """
    found: dict[str | None, Value] = {}
    for word in words:
        name, _, value = word.rpartition("=")
        try:
            declared = read(value)
        except ValueError:
            raise ConfigError(f"{option} {word!r} cannot be read; see --help.") from None
        if (name or None) in found:
            raise ConfigError(f"{option} says {name or 'its value'} twice.")
        found[name or None] = declared
    return found


def scales_of(words: Iterable[str]) -> dict[str | None, tuple[float, float]]:
    """Read the words of ``--scale``, each ``[CRITERION=]MIN,MAX``."""
    return by_criterion(words, "--scale", _ends)


def _ends(words: str) -> tuple[float, float]:
    low, high = (float(word) for word in words.split(","))
    if not float("-inf") < low < high < float("inf"):
        raise ValueError(words)
    return low, high
