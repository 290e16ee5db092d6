"""The room's own sentences in each language: by section, by name. None stands in the code."""

import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path

from judge.records import Language

_FOLDER = Path(__file__).parent


def speaker(lang: Language) -> Callable[..., str]:
    """Give the function that says a text in one language: ``t("label.save")``."""
    return partial(_sentence, lang)


@lru_cache(maxsize=2)
def strings(lang: Language) -> Mapping[str, Mapping[str, str]]:
    """Read the texts of one language: by section, by name."""
    return tomllib.loads((_FOLDER / f"strings.{lang}.toml").read_text(encoding="utf-8"))


def _sentence(lang: Language, key: str, **values: object) -> str:
    section, _, name = key.partition(".")
    return strings(lang)[section][name].format_map(values)
