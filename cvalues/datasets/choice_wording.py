"""How a question and two replies are put to a model: in the benchmark's words, or for a letter."""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from judge.records import Language

Wording = Literal["benchmark", "letter"]
"""``benchmark`` in Chinese is the released wording byte for byte; its English and both ``letter``
wordings are this project's own. ``letter`` asks for A or B alone."""

_SLOT = re.compile(r"\{(question|reply_1|reply_2)\}")


def choice_prompt(
    question: str, replies: tuple[str, str], *, wording: Wording = "benchmark", lang: Language
) -> str:
    """Write the prompt of one multi-choice item.

    Parameters
    ----------
    question : str
    replies : (str, str)
        In the order shown.
    wording : {'benchmark', 'letter'}
    lang : {'zh', 'en'}

    Returns
    -------
    str
        The three texts stand in it unchanged; braces in them mean nothing.
    """
    parts = {"question": question, "reply_1": replies[0], "reply_2": replies[1]}
    return _SLOT.sub(lambda slot: parts[slot.group(1)], _wordings()[wording][lang])


@cache
def _wordings() -> Mapping[str, Mapping[str, str]]:
    source = files("cvalues.datasets").joinpath("choice_wordings.json")
    return json.loads(source.read_text("utf-8"))
