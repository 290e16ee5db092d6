"""The page's own words, from a file for each language; no sentence stands in the code."""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import get_args

from judge.records import Language
from judge.report.both import Both

_FOLDER = Path(__file__).parent

Filling = str | int | Both


def say(key: str, **values: Filling) -> Both:
    """Give a text in both languages.

    Parameters
    ----------
    key : str
        Section and name, such as ``"counts.all"``.
    **values : str, int or Both
        What its braces are filled with. Filled text is never read as a pattern again.

    Raises
    ------
    KeyError
        If a language lacks the text, or the text names a value that is not given.
    """
    filled = {lang: _filled(lang, key, values) for lang in get_args(Language)}
    return Both(zh=filled["zh"], en=filled["en"])


def _filled(lang: Language, key: str, values: Mapping[str, Filling]) -> str:
    section, _, name = key.partition(".")
    text = ""
    for fixed, field, _, _ in Formatter().parse(strings(lang)[section][name]):
        text = _joined(text, fixed)
        if field is not None:
            value = values[field]
            text = _joined(text, value.of(lang) if isinstance(value, Both) else str(value))
    return text


def _joined(before: str, after: str) -> str:
    """Join two pieces of a sentence; Chinese keeps a space from Latin letters and digits."""
    if before and after:
        scripts = {_script(before[-1]), _script(after[0])}
        return f"{before} {after}" if scripts == {"Han", "Latin"} else f"{before}{after}"
    return before or after


def _script(character: str) -> str:
    if "\u4e00" <= character <= "\u9fff":
        return "Han"
    return "Latin" if character.isascii() and (character.isalnum() or character == "%") else ""


@lru_cache(maxsize=2)
def strings(lang: Language) -> Mapping[str, Mapping[str, str]]:
    """Read the texts of one language: by section, by name."""
    return tomllib.loads((_FOLDER / f"strings.{lang}.toml").read_text(encoding="utf-8"))
