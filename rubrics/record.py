"""The frozen base of every rubric record, and the kinds of text a rubric may hold."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError

from rubrics.errors import is_hidden, quoted

_LONGEST_NAME = 40


class Record(BaseModel):
    """Immutable, closed to unknown fields, and strict about types."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


def problem(what: str, *, fix: str, at: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """Make an error that a validator raises and the loader turns into `file:line: what; fix`.

    Parameters
    ----------
    what, fix : str
        The fault and the remedy.
    at : tuple of str or int
        Keys and positions that lead from the record being validated to the fault.
    """
    # The braces of a message are pydantic's placeholders, so the texts travel beside it.
    return PydanticCustomError("rubric", "{what}", {"what": what, "fix": fix, "at": at})


def _no_hidden_characters(text: str) -> str:
    for char in text:
        if char != "\n" and is_hidden(char):
            raise problem(
                f"hidden character U+{ord(char):04X} in a text",
                fix="delete it: a reader of the rubric cannot see what the judge is told",
            )
    return text


Text = Annotated[
    str,
    StringConstraints(min_length=1, strip_whitespace=True),
    AfterValidator(_no_hidden_characters),
]
"""What a judge or a reader is shown: not empty, no control or format characters."""

Quote = Annotated[str, AfterValidator(_no_hidden_characters)]
"""As Text, but may be empty and keeps the spaces at its ends."""


def _spelled(pattern: str, fix: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text) or len(text) > _LONGEST_NAME:
            raise problem(f"{quoted(text)} is not a valid name here", fix=fix)
        return text

    return check


RubricId = Annotated[
    str,
    AfterValidator(
        _spelled(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "use a few lower-case words with hyphens")
    ),
]
CriterionId = Annotated[
    str, AfterValidator(_spelled(r"[a-z][a-z0-9_]*", "use lower-case letters, digits and _"))
]
Version = Annotated[
    str, AfterValidator(_spelled(r"[0-9]+(\.[0-9]+){0,2}", 'number it in quotes, as in "1.0"'))
]
