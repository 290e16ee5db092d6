"""What changed between two rubrics, and whether it can move a score."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from rubrics.record import Record
from rubrics.rubric import Criterion, Example, Pack, Rubric, Source

View = Literal["prompt", "schema", "score"]

_NOTHING: tuple[View, ...] = ()
_PROMPT: tuple[View, ...] = ("prompt",)
_SCORE: tuple[View, ...] = ("score",)
_TEXT: tuple[View, ...] = ("prompt", "schema")
_EVERYTHING: tuple[View, ...] = ("prompt", "schema", "score")


class Change(Record):
    """One difference between two rubrics."""

    at: str
    """Where, as in `criteria.safe.anchors.1`."""
    before: str | None
    """None where the first rubric has nothing there."""
    after: str | None
    """None where the second rubric has nothing there."""
    alters: tuple[View, ...]
    """The views that change with it; empty when no judge and no score can notice."""


class _Leaf(NamedTuple):
    at: str
    value: str
    alters: tuple[View, ...]


def diff(before: Rubric, after: Rubric) -> tuple[Change, ...]:
    """Compare two rubrics, criterion by criterion and text by text.

    Criteria and packs are matched by their id and group, examples and principles by position.

    Returns
    -------
    tuple of Change
        In the order of the rubrics. The digests differ exactly when some change alters a view.
    """
    old = {leaf.at: leaf for leaf in _leaves(before)}
    new = {leaf.at: leaf for leaf in _leaves(after)}
    return tuple(
        Change(
            at=at,
            before=old[at].value if at in old else None,
            after=new[at].value if at in new else None,
            alters=leaf.alters,
        )
        for at, leaf in (old | new).items()
        if old.get(at) != new.get(at)
    )


def _leaves(rubric: Rubric) -> Iterator[_Leaf]:
    yield _Leaf("id", rubric.id, _NOTHING)
    yield _Leaf("version", rubric.version, _NOTHING)
    yield _Leaf("language", rubric.language, _TEXT)
    yield _Leaf("title", rubric.title, _NOTHING)
    yield _Leaf("purpose", rubric.purpose, _NOTHING)
    yield _Leaf("level", _shown(rubric.level), _NOTHING)
    yield _Leaf("groups", ", ".join(rubric.groups) or "all", _NOTHING)
    yield _Leaf("instructions", rubric.instructions, _PROMPT)
    yield _Leaf("criteria", ", ".join(c.id for c in rubric.criteria), _TEXT)
    for criterion in rubric.criteria:
        yield from _criterion(criterion, f"criteria.{criterion.id}")
    if rubric.veto is not None:
        yield _Leaf("veto", f"{rubric.veto.criterion} at {rubric.veto.level}", _SCORE)
    for number, example in enumerate(rubric.examples, start=1):
        yield from _example(example, f"examples.{number}")
    for pack in rubric.packs:
        yield from _pack(pack, f"packs.{pack.group}")


def _criterion(criterion: Criterion, at: str) -> Iterator[_Leaf]:
    scale = criterion.scale
    yield _Leaf(f"{at}.title", criterion.title, _TEXT)
    yield _Leaf(f"{at}.question", criterion.question, _TEXT)
    yield _Leaf(f"{at}.scale", f"{scale.min} to {scale.max} by {scale.step}", _EVERYTHING)
    for anchor in scale.anchors:
        yield _Leaf(f"{at}.anchors.{anchor.score}", anchor.text, _PROMPT)
    yield _Leaf(f"{at}.weight", f"{criterion.weight:g}", _SCORE)
    yield _Leaf(f"{at}.direction", criterion.direction, ("prompt", "score"))
    yield _Leaf(f"{at}.threshold", _shown(criterion.threshold), _SCORE)
    yield from _source(criterion.source, f"{at}.source")


def _example(example: Example, at: str) -> Iterator[_Leaf]:
    yield _Leaf(f"{at}.prompt", example.prompt, _PROMPT)
    yield _Leaf(f"{at}.response", example.response, _PROMPT)
    for grade in example.grades:
        yield _Leaf(f"{at}.{grade.criterion}.reasoning", grade.reasoning, _PROMPT)
        yield _Leaf(f"{at}.{grade.criterion}.evidence", grade.evidence, _PROMPT)
        yield _Leaf(f"{at}.{grade.criterion}.score", str(grade.score), _PROMPT)


def _pack(pack: Pack, at: str) -> Iterator[_Leaf]:
    yield _Leaf(f"{at}.title", pack.title, _PROMPT)
    yield from _source(pack.source, f"{at}.source")
    for number, item in enumerate(pack.items, start=1):
        yield _Leaf(f"{at}.{number}", item.text, _PROMPT)
        yield _Leaf(f"{at}.{number}.source", item.source, _NOTHING)


def _source(source: Source, at: str) -> Iterator[_Leaf]:
    yield _Leaf(f"{at}.kind", source.kind, _NOTHING)
    yield _Leaf(f"{at}.reference", source.reference, _NOTHING)
    yield _Leaf(f"{at}.note", _shown(source.note), _NOTHING)


def _shown(value: str | int | None) -> str:
    return "none" if value is None else str(value)
