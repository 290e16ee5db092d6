"""The words that frame every rubric: how the judge gets the material and how it must answer.

They live in `rubrics/wording/*.yaml`, one file for each language. Names in braces are the only
placeholders; they are replaced in one pass, so what is put in is never read again.
"""

import re
from functools import lru_cache
from pathlib import Path

from rubrics.load import load_as
from rubrics.record import Record, Text
from rubrics.rubric import Language

_FOLDER = Path(__file__).parent / "wording"
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class Wording(Record):
    """The framing words of one language; placeholders in braces."""

    language: Language
    task: Text
    material: Text
    material_pairwise: Text
    principles: Text
    criteria: Text
    criterion: Text
    levels: Text
    level: Text
    direction_higher_is_better: Text
    direction_lower_is_better: Text
    direction_descriptive: Text
    answer: Text
    answer_pairwise: Text
    examples: Text
    example: Text
    reply: Text
    reply_pairwise: Text
    reasoning_field: Text
    evidence_field: Text
    score_field: Text
    preference_field: Text


@lru_cache(maxsize=2)
def wording(language: Language) -> Wording:
    """Return the framing words of a language."""
    return load_as(Wording, _FOLDER / f"{language}.yaml")


def fill(template: str, **values: str) -> str:
    """Put values into a template's named places; KeyError for a name that has no value.

    Examples
    --------
    >>> fill("{id}: {title}", id="safe", title="{id}")
    'safe: {id}'
    """
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], template)
