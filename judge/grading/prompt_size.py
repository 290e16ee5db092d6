"""Whether a server cut the prompt: its count of tokens against the least that the texts can have.

Servers with a short context cut what does not fit and answer as if nothing had happened, so the
verdict is on a text that the judge never saw whole.
"""

import re
from functools import lru_cache

from judge.records import Usage

SHARE = 0.8
"""Part of the least number of tokens below which a prompt counts as cut."""

FEWEST_COUNTED = 16
"""Counts below this are no counts; some servers send 0 or 1 where they do not count."""

SHORTEST_CONTEXT = 1000
"""Tokens below which a count is held against the material alone: some servers leave out of their
count what they had in their cache, which is the instructions, and none has so short a context."""

CHARACTERS_A_TOKEN = 3.0
"""Characters that one token may hold on average in scripts without blanks: vocabularies of 2023 to
2026 hold 1.0 to 1.8 of Chinese and Japanese, and less of Thai, Lao, Khmer and Burmese."""

_WITHOUT_BLANKS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)


def least_tokens(text: str) -> float:
    """Count the fewest tokens that any common vocabulary needs for a text.

    None joins words over a blank, so each word is a token at least; marks and blanks count for
    nothing.

    Parameters
    ----------
    text : str

    Returns
    -------
    float
        Tokens; linear in the length to compute.

    Examples
    --------
    >>> least_tokens("one two, three"), least_tokens("一二三四五六")
    (3.0, 2.0)
    """
    if text.isascii():
        return float(len(text.split()))
    words, joined = _WITHOUT_BLANKS.subn(" ", text)
    return len(words.split()) + joined / CHARACTERS_A_TOKEN


@lru_cache(maxsize=64)
def _least_of_instructions(text: str) -> float:
    return least_tokens(text)


def was_cut(instructions: str, material: str, usage: Usage) -> bool:
    """Tell whether a server counted fewer tokens than a prompt has.

    Parameters
    ----------
    instructions : str
        The trusted text, the same for many calls.
    material : str
        What was judged.
    usage : Usage
        As the server counted. Some count what they had in their cache apart.
    """
    counted = (usage.prompt_tokens or 0) + (usage.cached_tokens or 0)
    if counted < FEWEST_COUNTED:
        return False
    others = _least_of_instructions(instructions) if counted >= SHORTEST_CONTEXT else 0.0
    if counted >= SHARE * (len(material) + others):
        # No text has more tokens than characters, so what it has need not be counted.
        return False
    return counted < SHARE * (least_tokens(material) + others)
