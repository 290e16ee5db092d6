"""What is judged: rubrics in Chinese and English, as prompt text, reply shape and score.

Names load on first use, so that reading one rubric's fields does not load the library.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rubrics.library import list_rubrics, load_rubric
    from rubrics.record import RubricError
    from rubrics.reply_schema import rubric_digest
    from rubrics.rubric import Rubric

__all__ = ["Rubric", "RubricError", "list_rubrics", "load_rubric", "rubric_digest"]

_HOME = {
    "Rubric": "rubric",
    "RubricError": "record",
    "list_rubrics": "library",
    "load_rubric": "library",
    "rubric_digest": "reply_schema",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'rubrics' has no attribute {name!r}.")
    return getattr(import_module(f"rubrics.{_HOME[name]}"), name)
