"""What a run was made with: its manifest, and the settings that a user can give."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, cast

from pydantic import Field

from judge.records import Candidate, Judge, Record


class RubricEdition(Record):
    """One rubric in one language, by the digest of its meaning."""

    rubric: str
    language: str
    digest: str
    criteria: tuple[str, ...]


class Source(Record):
    """The file that was judged, by content: where it lies does not matter."""

    name: str
    sha256: str
    rows: int = Field(ge=0)


class OnRefusal(Record):
    """What is tried, in this order, when a judge or its provider declines to grade a text."""

    neutral: bool = False
    """The same judge once more, told first that grading is not approval."""
    second: Judge | None = None
    """Another judge, under the first one's name, so that its verdict takes the free place."""


AS_IT_IS = OnRefusal()
"""Nothing: a refusal stays one."""


def _is_english(language: str) -> bool:
    return language == "en"


class Manifest(Record):
    """Everything that can change what a run's scores mean.

    A run resumes only with an equal manifest; `difference` says where two part.
    """

    kind: Literal["judge", "pairwise", "generate", "improve"] = "judge"
    source: Source
    rubrics: tuple[RubricEdition, ...] = ()
    judges: tuple[Judge, ...] = ()
    judge_digests: Mapping[str, str] = Field(default_factory=dict)
    """By judge name; what a passport is checked against."""
    candidate: Candidate | None = None
    """The model under test of a run that generates."""
    system_prompt: str | None = None
    """What the model under test was told before each prompt."""
    prompts: Mapping[str, str] = Field(default_factory=dict)
    """Digest of the trusted text, by rubric, language and group."""
    on_refusal: OnRefusal = AS_IT_IS
    window: int | None = Field(default=None, ge=1_000, exclude_if=lambda value: value is None)
    """Characters of a window in which a long conversation is shown; None for the usual ones."""
    search: Mapping[str, str] = Field(default_factory=dict)
    """What a search for a better rubric was made with: its run, labels, parts, method and seed."""
    repeats: int = Field(default=1, ge=1)
    """How often each judge is asked, or how many samples of an answer are drawn."""
    language: str = Field(default="en", exclude_if=_is_english)
    """In which items are judged whose own language a rubric lacks."""
    planned: int = Field(default=0, ge=0)
    """Judgments or answers that the run will hold when it is done."""


FOLLOWING = ("judge_digests.", "prompts.", "planned")
"""What changes with other values; named only where none of those did."""


def difference(old: Manifest, new: Manifest) -> tuple[str, ...]:
    """Name what two manifests differ in, one short line for each value.

    Returns
    -------
    tuple of str
        Empty when the run may be resumed.
    """
    before = dict(_leaves("", old.model_dump(mode="json")))
    after = dict(_leaves("", new.model_dump(mode="json")))
    # What is there on one side only is named once, not value by value.
    alone = tuple(f"{path}." for path in before.keys() ^ after.keys() if path.endswith("]"))
    changed = [
        path
        for path in dict.fromkeys((*before, *after))
        if before.get(path) != after.get(path) and not path.startswith(alone)
    ]
    causes = [path for path in changed if not path.startswith(FOLLOWING)]
    return tuple(
        f"{path}: was {_short(before.get(path))}, is {_short(after.get(path))}"
        for path in causes or changed
    )


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    match value:
        case dict():
            for name, member in cast("dict[str, object]", value).items():
                yield from _leaves(f"{path}.{name}" if path else name, member)
        case list():
            for place, member in enumerate(cast("list[object]", value), 1):
                name = _name(member)
                if name is not None:
                    yield f"{path}[{name}]", "given"
                yield from _leaves(f"{path}[{name or place}]", member)
        case _:
            yield path, value


def _name(member: object) -> str | None:
    """Name a judge or an edition of a rubric, so that like is held against like."""
    if not isinstance(member, dict):
        return None
    known = cast("dict[str, object]", member)
    parts = [known[key] for key in ("model", "rubric", "language") if key in known]
    return " ".join(map(str, parts)) or None


def _short(value: object) -> str:
    text = "not given" if value is None else str(value)
    if re.fullmatch("[0-9a-f]{64}", text):
        return text[:12]
    return text if len(text) <= 80 else f"{text[:77]}..."


# What was drawn for experts to label: kept with the run, so that estimates can undo the draw.

IMPROVEMENT = "improvement"
"""Kind of the document that keeps what a search for a better rubric found."""

KIND = "sample"
"""Kind of the document in the store."""

SampleDesign = Literal["random", "by-verdict", "neyman"]

SampledUnit = Literal["item", "session"]
"""Whether items were drawn one by one, or conversations with the turns that are judged in them."""


def _is_item(unit: str) -> bool:
    return unit == "item"


def _is_whole(share: float) -> bool:
    return share == 1.0


class SampledItem(Record):
    """One item of the draw."""

    task: str
    """Opaque name under which the expert sees it."""
    id: str
    system: str
    sample: int
    probability: float = Field(gt=0, le=1)
    """How likely it was to be drawn."""
    text_sha256: str
    """Of prompt and response as the expert sees them; see `text_digest`."""

    @property
    def unit(self) -> tuple[str, str, int]:
        """Identity within the run."""
        return (self.id, self.system, self.sample)


class Sample(Record):
    """A draw of prompts from a run, for all systems that answered them."""

    name: str = ""
    """How people call the draw; empty for one of an earlier version."""
    design: SampleDesign
    seed: int
    by: str | None = None
    """Column whose values were strata beside the systems."""
    unit: SampledUnit = Field(default="item", exclude_if=_is_item)
    turn_share: float = Field(default=1.0, gt=0, le=1, exclude_if=_is_whole)
    """Share of the judged turns of each drawn conversation; each has this chance."""
    judge: str | None = None
    rubric: str | None = None
    criterion: str | None = None
    """Whose verdicts made the strata; None for a plain random draw."""
    asked: tuple[str, ...]
    """Criteria that experts are asked for."""
    cells: tuple[int, ...]
    """Cell of every item of the run, in the order of the run; inside a cell the draw was at random,
    among the items that no earlier draw had taken."""
    items: tuple[SampledItem, ...]


def drawn_whole(samples: Sequence[Sample]) -> bool:
    """Tell whether draws hold all judged turns of the conversations that they took."""
    return all(sample.unit == "session" and sample.turn_share == 1.0 for sample in samples)


def combined_cells(samples: Sequence[Sample], size: int) -> tuple[int, ...]:
    """Give each item of a run the cell inside which all draws together were at random.

    A later draw leaves out what an earlier one took, so inside a combination of cells, one of each
    draw, every set of as many items is as likely to be drawn.

    Parameters
    ----------
    samples : sequence of Sample
        The draws of the run.
    size : int
        Items of the run.
    """
    rows = [sample.cells for sample in samples if len(sample.cells) == size]
    if not rows:
        return (0,) * size
    together = list(zip(*rows, strict=True))
    codes = {cells: number for number, cells in enumerate(dict.fromkeys(together))}
    return tuple(codes[cells] for cells in together)
