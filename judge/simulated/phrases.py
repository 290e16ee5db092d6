"""The simulated judge's wording, Chinese and English, from the file beside this one."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from judge.records import Language
from judge.simulated.draws import Draw
from judge.simulated.shapes import as_list, as_object, as_text


def phrase(language: Language, kind: str, draw: Draw) -> str:
    """Choose one wording of a kind, with its placeholders still in it."""
    return pick(_wordings(language, kind), draw(f"phrase {kind}"))


def pick(options: Sequence[str], share: float) -> str:
    """Give the option that stands at a share in [0, 1) of the way through."""
    return options[int(share * len(options))]


def mentions(text: str, section: str, kind: str) -> bool:
    """Tell whether a text contains one of the wordings of a kind, in any case."""
    lowered = text.lower()
    return any(wording in lowered for wording in _wordings(section, kind))


@cache
def _wordings(section: str, kind: str) -> tuple[str, ...]:
    return tuple(as_text(wording) for wording in as_list(_phrases()[section].get(kind)))


@cache
def _phrases() -> Mapping[str, Mapping[str, object]]:
    text = files("judge.simulated").joinpath("phrases.json").read_text(encoding="utf-8")
    return {name: as_object(section) for name, section in json.loads(text).items()}
