"""Scales: the whole numbers a judge may give, and what each of them means."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Self, cast

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from rubrics.errors import quoted
from rubrics.record import Record, Text, problem

MOST_LEVELS = 101

Bound = Annotated[int, Field(ge=-1000, le=1000)]


class Anchor(Record):
    """What one level of a scale means."""

    score: int
    text: Text


def _from_mapping(value: object) -> object:
    """Read `{1: text, 2: text}`, the form of a document, as anchors in the order given."""
    if isinstance(value, (list, tuple)):
        return _already_anchors(tuple(cast("Iterable[object]", value)))
    if not isinstance(value, Mapping):
        raise _not_a_mapping()
    written = cast("Mapping[object, object]", value)
    for score, text in written.items():
        if not isinstance(score, int) or isinstance(score, bool):
            raise problem(
                f"anchor {quoted(score)} is not a whole number",
                fix="name each level by its score, as in `1: text`",
                at=(str(score),),
            )
        if not isinstance(text, str) or not text.strip():
            raise problem(
                f"the anchor of level {score} has no text",
                fix="say in a sentence what this level means",
                at=(score,),
            )
    return tuple({"score": score, "text": text} for score, text in written.items())


def _already_anchors(entries: tuple[object, ...]) -> tuple[object, ...]:
    """Let through what was read before, from a record or its JSON."""
    for entry in entries:
        if not isinstance(entry, Anchor) and not (isinstance(entry, Mapping) and "score" in entry):
            raise _not_a_mapping()
    return entries


def _not_a_mapping() -> PydanticCustomError:
    return problem(
        "anchors are a mapping from score to text", fix="write `1: text`, one level a line"
    )


class Scale(Record):
    """Whole numbers from min to max in equal steps, each with an anchor.

    A document writes the anchors as a mapping from score to text.
    """

    min: Bound
    max: Bound
    step: Annotated[int, Field(ge=1)] = 1
    anchors: Annotated[tuple[Anchor, ...], BeforeValidator(_from_mapping)]

    @property
    def levels(self) -> tuple[int, ...]:
        """Every score that may be given, ascending."""
        return tuple(range(self.min, self.max + 1, self.step))

    @model_validator(mode="after")
    def _bounds_make_levels(self) -> Self:
        if self.min >= self.max:
            raise problem(
                f"scale from {self.min} to {self.max} has no levels",
                fix="make max greater than min",
                at=("min",),
            )
        if (self.max - self.min) % self.step:
            raise problem(
                f"steps of {self.step} from {self.min} never reach {self.max}",
                fix="choose a step that divides max - min",
                at=("step",),
            )
        if len(self.levels) > MOST_LEVELS:
            raise problem(
                f"{len(self.levels)} levels",
                fix=f"use at most {MOST_LEVELS}: nobody can describe more apart",
                at=("max",),
            )
        return self

    @model_validator(mode="after")
    def _every_level_has_one_anchor(self) -> Self:
        written = [anchor.score for anchor in self.anchors]
        for score in written:
            if score not in self.levels:
                raise problem(
                    f"anchor {score} is not a level of {self.min}..{self.max} step {self.step}",
                    fix="delete it or change the scale",
                    at=("anchors", score),
                )
        missing = [str(level) for level in self.levels if level not in written]
        if missing:
            raise problem(
                f"no anchor for level {', '.join(missing)}",
                fix="describe every level of the scale",
                at=("anchors",),
            )
        if written != sorted(set(written)):
            raise problem("anchors out of order", fix="list them ascending", at=("anchors",))
        return self
