"""The two editions of a rubric: wording differs, what is measured may not."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rubrics.document import Spot
from rubrics.errors import quoted
from rubrics.rubric import Criterion, Pack, Rubric


class Difference(NamedTuple):
    """Something the two editions must share and do not."""

    spot: Spot
    """Where it stands in the first edition."""
    what: str


def other_edition(path: Path, rubric: Rubric) -> Path | None:
    """Find the file of the other language beside a file named `id.language.yaml`."""
    if path.name != f"{rubric.id}.{rubric.language}.yaml":
        return None
    language = "en" if rubric.language == "zh" else "zh"
    other = path.with_name(f"{rubric.id}.{language}.yaml")
    return other if other.is_file() else None


def differences(one: Rubric, other: Rubric) -> tuple[Difference, ...]:
    """List what two editions do not share, in the order of the first one.

    They must share the id, version, level, groups and veto; the criteria, their order, scales,
    weights, directions, thresholds and kinds of source; and for every group a pack with as many
    principles of the same kinds of source. Texts and examples are each edition's own.
    """
    return (*_frame(one, other), *_criteria(one, other), *_packs(one, other))


def _frame(one: Rubric, other: Rubric) -> Iterator[Difference]:
    shared = (
        ("id", one.id, other.id),
        ("version", one.version, other.version),
        ("level", one.level, other.level),
        ("groups", one.groups, other.groups),
        ("veto", one.veto, other.veto),
    )
    for name, mine, theirs in shared:
        if mine != theirs:
            yield Difference((name,), f"{name} differs between the editions")


def _criteria(one: Rubric, other: Rubric) -> Iterator[Difference]:
    mine, theirs = ([c.id for c in rubric.criteria] for rubric in (one, other))
    if mine != theirs:
        what = f"criteria are {quoted(', '.join(mine))} here and {quoted(', '.join(theirs))} there"
        yield Difference(("criteria",), what)
        return
    for index, (a, b) in enumerate(zip(one.criteria, other.criteria, strict=True)):
        for key in _unequal(a, b):
            yield Difference(("criteria", index, key), f"{key} of {a.id} differs")


def _unequal(a: Criterion, b: Criterion) -> Iterator[str]:
    if a.scale.levels != b.scale.levels:
        yield "scale"
    if a.weight != b.weight:
        yield "weight"
    if a.direction != b.direction:
        yield "direction"
    if a.threshold != b.threshold:
        yield "threshold"
    if a.source.kind != b.source.kind:
        yield "source"


def _packs(one: Rubric, other: Rubric) -> Iterator[Difference]:
    if [pack.group for pack in one.packs] != [pack.group for pack in other.packs]:
        yield Difference(("packs",), "the packs are for other groups, or in another order")
        return
    for index, (a, b) in enumerate(zip(one.packs, other.packs, strict=True)):
        if _origins(a) != _origins(b):
            what = f"pack {quoted(a.group)} has other principles, by number or source"
            yield Difference(("packs", index, "items"), what)


def _origins(pack: Pack) -> tuple[str, ...]:
    return (pack.source.kind, *(item.source for item in pack.items))
