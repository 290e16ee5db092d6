"""Metamorphic checks of a judge: what should not move its verdict, and how often it does.

Each response is judged as it is, once more as it is, and in eight wrappings that leave its content
alone. A flip is a verdict that differs from the one on the bare response. The second look at the
bare response shows how often the judge flips by itself.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from calibration.intervals import clopper_pearson
from judge.conversation import language_of
from judge.models.base import Model
from judge.records import Generation, Judge, Judgment, Record
from judge.run.api import agrade
from rubrics import load_rubric
from rubrics.rubric import Criterion

AGAIN = "unchanged"
"""The second look at the bare response."""

CONFIDENCE = 0.95

Verdict = Literal["steady", "moved", "undecided"]


class Wrapping(Record):
    """How one wrapper moved a judge."""

    wrapper: str
    pairs: int
    """Responses with a verdict both bare and wrapped."""
    missing: int
    """Responses without one of the two; they are in no rate."""
    flips: int
    raised: int
    """Flips to a higher level; the others went lower."""
    low: float
    high: float
    """Ends of the 95 % interval of the flip rate (Clopper and Pearson 1934)."""
    verdict: Verdict
    """``steady`` when the interval lies below what is allowed, ``moved`` when above it."""

    @property
    def rate(self) -> float | None:
        """Share of the pairs that flipped; None without any."""
        return self.flips / self.pairs if self.pairs else None


class Check(Record):
    """How a judge stood up to all wrappers."""

    judge: str
    rubric: str
    criterion: str
    items: int
    simulated: bool
    allowed: float
    """Largest flip rate that counts as steady, a fraction."""
    wrappings: tuple[Wrapping, ...]
    reasons: Mapping[str, int]
    """Why verdicts are missing: outcome to judgments."""

    @property
    def verdict(self) -> Verdict:
        """``moved`` if any wrapper moved the judge, else ``undecided`` if any is open."""
        found = {each.verdict for each in self.wrappings}
        return "moved" if "moved" in found else "undecided" if "undecided" in found else "steady"


@cache
def wrappers() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Read the wrappers, once: name to language to what goes before and after."""
    return json.loads(files("judge.run").joinpath("wrappers.json").read_text(encoding="utf-8"))


def wrap(generation: Generation, wrapper: str) -> Generation:
    """Put a response into a wrapper, in the language in which it is judged."""
    if wrapper == AGAIN:
        return generation
    words = wrappers()[wrapper][language_of(generation)]
    wrapped = f"{words['before']}{generation.response}{words['after']}"
    return generation.model_copy(update={"response": wrapped})


async def check_judge(
    generations: Sequence[Generation],
    rubric: str | Path,
    judge: Judge,
    *,
    allowed: float = 0.1,
    concurrency: int = 32,
    model: Model | None = None,
) -> Check:
    """Measure how far wrappers move a judge's verdict on the first criterion of a rubric.

    Parameters
    ----------
    generations : sequence of Generation
        The bare responses.
    rubric : str or Path
        An id of the library, used in the language of each response, or a YAML file.
    judge : Judge
    allowed : float
        Largest flip rate that counts as steady, a fraction.
    concurrency : int
        Most calls in flight.
    model : Model, optional
        The way to the judge; opened and closed here when it is not given.

    Returns
    -------
    Check
        One entry for each wrapper, after the second look at the bare responses.
    """
    names = (AGAIN, *wrappers())
    asked = [generation.model_copy(update={"sample": 0}) for generation in generations]
    for number, name in enumerate(names, start=1):
        asked += [
            wrap(generation, name).model_copy(update={"sample": number})
            for generation in generations
        ]
    judged = await agrade(asked, rubric=rubric, judge=judge, concurrency=concurrency, model=model)
    size = len(generations)
    blocks = [judged[start : start + size] for start in range(0, len(judged), size)]
    edition = load_rubric(rubric, language="en")
    criterion = edition.criteria[0]
    return Check(
        judge=judge.name,
        rubric=edition.id,
        criterion=criterion.id,
        items=size,
        simulated=any(each.provenance == "SIMULATED" for each in judged),
        allowed=allowed,
        wrappings=tuple(
            _wrapping(name, list(_pairs(blocks[0], block, criterion)), allowed=allowed)
            for name, block in zip(names, blocks[1:], strict=True)
        ),
        reasons=Counter(each.outcome for each in judged if _level(each, criterion) is None),
    )


def _pairs(
    bare: Sequence[Judgment], wrapped: Sequence[Judgment], criterion: Criterion
) -> Iterator[tuple[int, int] | None]:
    """Give the levels before and after, None where one of them is missing."""
    for before, after in zip(bare, wrapped, strict=True):
        levels = (_level(before, criterion), _level(after, criterion))
        yield None if levels[0] is None or levels[1] is None else (levels[0], levels[1])


def _level(judgment: Judgment, criterion: Criterion) -> int | None:
    """Give the level, or on which side of the threshold it lies where there is one."""
    for verdict in judgment.verdicts:
        if verdict.criterion == criterion.id and verdict.kind == "scored":
            limit = criterion.threshold
            return verdict.score if limit is None else int(verdict.score >= limit)
    return None


def _wrapping(name: str, pairs: Sequence[tuple[int, int] | None], *, allowed: float) -> Wrapping:
    known = [pair for pair in pairs if pair is not None]
    flips = sum(before != after for before, after in known)
    interval = clopper_pearson(flips, len(known), tail=(1.0 - CONFIDENCE) / 2.0)
    verdict: Verdict = "undecided"
    if interval.high <= allowed:
        verdict = "steady"
    elif interval.low > allowed:
        verdict = "moved"
    return Wrapping(
        wrapper=name,
        pairs=len(known),
        missing=len(pairs) - len(known),
        flips=flips,
        raised=sum(after > before for before, after in known),
        low=interval.low,
        high=interval.high,
        verdict=verdict,
    )
