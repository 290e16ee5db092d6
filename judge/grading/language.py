"""The language of an item, which chooses the edition of a rubric in which it is judged.

A rubric is used in the item's language where it has that edition, else in the language that the run
names. Where an item names none, its script tells; Latin letters alone tell nothing.
"""

import re
from functools import lru_cache

from judge.records import Generation, Language
from rubrics.rubric import frame_language

SCRIPTS: tuple[tuple[str, str], ...] = (
    ("ko", "\uac00-\ud7af\u1100-\u11ff\u3130-\u318f"),
    ("ar", "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff"),
    ("he", "\u0590-\u05ff"),
    ("hi", "\u0900-\u097f"),
    ("bn", "\u0980-\u09ff"),
    ("ta", "\u0b80-\u0bff"),
    ("th", "\u0e00-\u0e7f"),
    ("el", "\u0370-\u03ff"),
    ("ru", "\u0400-\u04ff"),
)
"""The most spoken language of scripts that do not name theirs, and the script's characters."""

UNKNOWN_LANGUAGE = "en"
"""What a passport calls the language of an item in Latin letters that says none."""

KANA_SHARE = 0.2
"""Share of kana among kana and Han characters from which a text is Japanese, not Chinese."""

SCRIPT_SHARE = 0.5
"""Share of the letters of a text that a script needs to tell its language."""

_HAN = re.compile("[\u4e00-\u9fff]")
_KANA = re.compile("[\u3040-\u30ff]")
_LETTER = re.compile(r"[^\W\d_]")
_OF_SCRIPT = tuple((tag, re.compile(f"[{characters}]")) for tag, characters in SCRIPTS)


@lru_cache(maxsize=1024)
def script_tag(text: str) -> str | None:
    """Tell a text's language by its script.

    Parameters
    ----------
    text : str

    Returns
    -------
    str or None
        A language tag: ``zh`` where any character is Chinese and the text is not Japanese; None
        where only Latin letters, or none, are found.

    Examples
    --------
    >>> script_tag("这样安全吗"), script_tag("安全ですか"), script_tag("Est-ce sûr ?")
    ('zh', 'ja', None)
    """
    if text.isascii():
        return None
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    if kana > KANA_SHARE * (kana + han):
        return "ja"
    if han:
        return "zh"
    letters = len(_LETTER.findall(text))
    for tag, script in _OF_SCRIPT:
        found = len(script.findall(text))
        if found and found >= SCRIPT_SHARE * letters:
            return tag
    return None


def tag_of(generation: Generation) -> str | None:
    """Give the language of an item: as it says, else by its script; None where nobody knows."""
    return generation.lang or script_tag(generation.prompt or generation.response)


def language_of(generation: Generation) -> Language:
    """Tell which of the product's own languages goes with an item: Chinese, or English."""
    return frame_language(tag_of(generation) or "en")


def script_of(text: str) -> Language:
    """Tell which of the product's own languages goes with a text."""
    return frame_language(script_tag(text) or "en")
