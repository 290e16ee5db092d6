"""What the gap between knowing and doing is called, in Chinese and English."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from judge.records import Language

Quadrant = Literal["knows_and_does", "knows_but_does_not", "does_without_knowing", "neither"]


def quadrant_name(quadrant: Quadrant, lang: Language) -> str:
    """Give the name of a quadrant to a reader."""
    return _words()["quadrants"][quadrant][lang]


def quadrant_meaning(quadrant: Quadrant, lang: Language) -> str:
    """Say in a sentence what a quadrant means."""
    return _words()["meanings"][quadrant][lang]


def association_sentence(which: str, numbers: Mapping[str, float]) -> Mapping[Language, str]:
    """Say what a correlation over systems shows, or why it shows nothing."""
    texts = _words()["association"][which]
    languages: tuple[Language, Language] = ("zh", "en")
    return {lang: texts[lang].format(**numbers) for lang in languages}


def lead_sentence(system: str, quadrant: Quadrant, *, count: int, of: int, lang: Language) -> str:
    """Say how many groups of a system have the signature that most of them have."""
    pattern = _words()["lead"]["system"][lang]
    return pattern.format(system=system, count=count, of=of, name=quadrant_name(quadrant, lang))


def published_words(lang: Language) -> Mapping[str, str]:
    """Give the words of a paragraph on published numbers."""
    return _words()["published"][lang]


@cache
def _words() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    return json.loads(files("cvalues").joinpath("gap_words.json").read_text("utf-8"))
