"""The words of providers, read once from the table beside this file."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from judge.records import Rung

_BETWEEN = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterWord:
    """How one provider says that its content filter stopped a call; all given fields must hold."""

    provider: str
    source: str
    code: str = ""
    code_part: str = ""
    message: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderWords:
    """The whole table; every word is squashed, see `squash`."""

    filters: tuple[FilterWord, ...]
    words: Mapping[str, tuple[str, ...]]
    """By the class of an error."""
    rungs: Mapping[Rung, tuple[str, ...]]
    finish: Mapping[str, str]
    """From a squashed finish reason to one of ours."""
    thought_tags: tuple[tuple[str, str], ...]
    channels: tuple[str, ...]
    channel_start: tuple[str, ...]
    end_tokens: tuple[str, ...]


def squash(text: str) -> str:
    """Leave letters and digits only, in one width and without case, to compare words of providers.

    Examples
    --------
    >>> squash("Content_Filter "), squash("content-filter")
    ('contentfilter', 'contentfilter')
    """
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", text).casefold())


@cache
def provider_words() -> ProviderWords:
    """Read the table, once."""
    source = files("judge.models").joinpath("provider_words.toml").read_text(encoding="utf-8")
    table = tomllib.loads(source)
    return ProviderWords(
        filters=tuple(_filter_word(entry) for entry in table["filter"]),
        words={name: _squashed(words) for name, words in table["words"].items()},
        rungs={name: _squashed(words) for name, words in table["rungs"].items()},
        finish={
            squash(word): meaning for meaning, words in table["finish"].items() for word in words
        },
        thought_tags=tuple((opening, closing) for opening, closing in table["thoughts"]["tags"]),
        channels=tuple(table["thoughts"]["channels"]),
        channel_start=tuple(table["thoughts"]["channel_start"]),
        end_tokens=tuple(table["thoughts"]["end_tokens"]),
    )


def _filter_word(entry: Mapping[str, str | int]) -> FilterWord:
    return FilterWord(
        provider=str(entry["provider"]),
        source=str(entry["source"]),
        code=squash(str(entry.get("code", ""))),
        code_part=squash(str(entry.get("code_part", ""))),
        message=squash(str(entry.get("message", ""))),
        status=int(entry.get("status", 0)),
    )


def _squashed(words: list[str]) -> tuple[str, ...]:
    return tuple(map(squash, words))
