"""The page's own words, from a file for each language; no sentence stands in the code."""

import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import get_args

from judge.records import Language, Record

_FOLDER = Path(__file__).parent


class Both(Record):
    """A text of our own in Chinese and English, each written natively."""

    zh: str
    en: str

    def of(self, lang: Language) -> str:
        """Return the text in one language."""
        return self.zh if lang == "zh" else self.en


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


def say_all(section: str, *names: str) -> list[Both]:
    """Give several texts of a section, such as the heads of a table."""
    return [say(f"{section}.{name}") for name in names]


def same(text: str) -> Both:
    """Give a text that reads the same in both languages."""
    return Both(zh=text, en=text)


def joined(texts: Iterable[Both], zh: str, en: str) -> Both:
    """Join texts by what stands between them in each language."""
    listed = tuple(texts)
    return Both(zh=zh.join(each.zh for each in listed), en=en.join(each.en for each in listed))


def bracketed(text: Both, addition: Both) -> Both:
    """Add to a text in brackets, each language in its own."""
    return Both(zh=f"{text.zh}（{addition.zh}）", en=f"{text.en} ({addition.en})")


@lru_cache(maxsize=2)
def strings(lang: Language) -> Mapping[str, Mapping[str, str]]:
    """Read the texts of one language: by section, by name."""
    return tomllib.loads((_FOLDER / f"strings.{lang}.toml").read_text(encoding="utf-8"))


def _filled(lang: Language, key: str, values: Mapping[str, Filling]) -> str:
    section, _, name = key.partition(".")
    text = ""
    for fixed, field, _, _ in Formatter().parse(strings(lang)[section][name]):
        text = _spaced(text, fixed)
        if field is not None:
            value = values[field]
            text = _spaced(text, value.of(lang) if isinstance(value, Both) else str(value))
    return text


def _spaced(before: str, after: str) -> str:
    """Join two pieces of a sentence; Chinese keeps a space from Latin letters and digits."""
    if before and after:
        scripts = {_script(before[-1]), _script(after[0])}
        return f"{before} {after}" if scripts == {"Han", "Latin"} else f"{before}{after}"
    return before or after


def _script(character: str) -> str:
    if "\u4e00" <= character <= "\u9fff":
        return "Han"
    return "Latin" if character.isascii() and (character.isalnum() or character == "%") else ""
