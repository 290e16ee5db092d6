"""The multi-choice comprehension check: items, answers as they are read, and what they come to.

Names load on first use, so that importing one module of the folder costs nothing more.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cvalues.multiple_choice.answers_file import read_answers
    from cvalues.multiple_choice.evaluate import ChoiceAnswer, Reader, evaluate_choices, settled
    from cvalues.multiple_choice.metrics import ChoiceReport, reweighted_accuracy
    from cvalues.multiple_choice.parsing import READINGS, Reading, parse_choice

__all__ = [
    "READINGS",
    "ChoiceAnswer",
    "ChoiceReport",
    "Reader",
    "Reading",
    "evaluate_choices",
    "parse_choice",
    "read_answers",
    "reweighted_accuracy",
    "settled",
]

_HOME = {
    "READINGS": "parsing",
    "ChoiceAnswer": "evaluate",
    "ChoiceReport": "metrics",
    "Reader": "evaluate",
    "Reading": "parsing",
    "evaluate_choices": "evaluate",
    "parse_choice": "parsing",
    "read_answers": "answers_file",
    "reweighted_accuracy": "metrics",
    "settled": "evaluate",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'cvalues.multiple_choice' has no attribute {name!r}.")
    return getattr(import_module(f"cvalues.multiple_choice.{_HOME[name]}"), name)
