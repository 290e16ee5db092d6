"""Scores that another tool's judge gave, as the records that a run of ours would hold.

One judgment for each item, judge, rubric and repeat; a criterion without a number stays unscored.
Nothing was asked by us, so every judgment is RECORDED unless the table says SIMULATED.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from pydantic import TypeAdapter, ValidationError

from judge.errors import ConfigError
from judge.files.mapping import TableMapping, mapped_rows, require_columns, score_of
from judge.files.read import table_sha256
from judge.files.row import Row, optional_choice, optional_integer, optional_text, text
from judge.records import Generation, Judgment, Language, Provenance, Scored, Unscored
from rubrics import load_rubric
from rubrics.record import RubricError
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Anchor, Criterion, CriterionId, Rubric, RubricId, Scale, Source

REQUIRED = ("id", "judge", "criterion", "score")
OPTIONAL = (
    *("system", "sample", "group", "lang", "rubric", "repeat", "prompt", "response", "provenance"),
)
IMPORTED = "imported"
"""Id of the rubric where a table names none."""
MOST_LEVELS = 101

Unit = tuple[str, str, int]
Slot = tuple[Unit, str, str, int]
"""Item, judge, rubric, repeat."""


@dataclass(frozen=True, kw_only=True)
class ImportedScores:
    """What a table of scores holds, in the order of its rows."""

    sha256: str
    rows: int
    generations: tuple[Generation, ...]
    judgments: tuple[Judgment, ...]
    rubrics: tuple[Rubric, ...]
    judges: tuple[str, ...]
    texts: bool
    """Whether the table has the responses, so that experts can read them."""


@dataclass(kw_only=True)
class _Read:
    generations: dict[Unit, Generation] = field(default_factory=dict[Unit, Generation])
    scores: dict[Slot, dict[str, float | None]] = field(
        default_factory=lambda: defaultdict(dict[str, float | None])
    )
    stamps: dict[Slot, Provenance] = field(default_factory=dict[Slot, Provenance])
    sha256: str
    rows: int = 0
    texts: bool = True


def read_scores(
    path: Path,
    mapping: TableMapping,
    *,
    scales: Mapping[str | None, tuple[float, float]],
    encoding: str | None = None,
) -> ImportedScores:
    """Read a table of scores, all or none.

    Parameters
    ----------
    path : Path
        ``id, judge, criterion, score`` and, where known, ``system, sample, group, lang, rubric,
        repeat, prompt, response``.
    mapping : TableMapping
        Which columns and words are which of ours.
    scales : mapping of str or None to (float, float)
        Ends of the scale by criterion, None for all others; needed where scores are not 0 and 1 and
        the rubric is not one of the built-in ones.
    encoding : str, optional

    Raises
    ------
    TableError
        At the first row that cannot be used: a score that is no whole number, or one twice.
    ConfigError
        If a scale is not known.
    """
    require_columns(mapping, {"scores": path}, encoding=encoding)
    read = _Read(sha256=table_sha256(path))
    rows = mapped_rows(
        path, mapping, "scores", encoding=encoding, required=REQUIRED, optional=OPTIONAL
    )
    for row in rows:
        _keep(row, read, mapping)
    rubrics = tuple(_rubric(name, read, scales) for name in _rubric_names(read))
    return ImportedScores(
        sha256=hashlib.sha256(f"{read.sha256}{mapping}".encode()).hexdigest(),
        rows=read.rows,
        generations=tuple(read.generations.values()),
        judgments=tuple(_judgments(read, rubrics)),
        rubrics=rubrics,
        judges=tuple(dict.fromkeys(judge for _, judge, _, _ in read.scores)),
        texts=read.texts,
    )


def _keep(row: Row, read: _Read, mapping: TableMapping) -> None:
    read.rows += 1
    generation = _generation(row, read)
    read.generations.setdefault(generation.unit, generation)
    slot: Slot = (
        generation.unit,
        text(row, "judge"),
        optional_text(row, "rubric") or IMPORTED,
        optional_integer(row, "repeat", low=0) or 0,
    )
    criterion, score = text(row, "criterion"), score_of(row, mapping)
    _require_name(row, "criterion", criterion)
    _require_name(row, "rubric", slot[2])
    if criterion in read.scores[slot]:
        raise row.error(
            f"item '{generation.id[:40]}' has a second score of {criterion} by the same judge",
            "keep one of the two, or number them in a column 'repeat'",
        )
    if score is not None and score != round(score):
        raise row.error(
            f"score {score:g} is no whole number",
            "a run holds whole levels: multiply the scale, or use cvalues calibrate --scores",
        )
    read.scores[slot][criterion] = score
    stamp = optional_choice(row, "provenance", get_args(Provenance))
    read.stamps[slot] = "SIMULATED" if stamp == "SIMULATED" else "RECORDED"


def _require_name(row: Row, column: Literal["criterion", "rubric"], name: str) -> None:
    if not _is_name(column, name):
        mark = "_" if column == "criterion" else "-"
        raise row.error(
            f"{column} '{name[:40]}' is no name for a {column} of a run",
            f"use lower-case letters, digits and {mark}, or cvalues calibrate --scores, which "
            "takes any name",
        )


@cache
def _is_name(column: Literal["criterion", "rubric"], name: str) -> bool:
    kind: TypeAdapter[str] = TypeAdapter(CriterionId if column == "criterion" else RubricId)
    try:
        kind.validate_python(name)
    except ValidationError:
        return False
    return True


def _generation(row: Row, read: _Read) -> Generation:
    name, response = text(row, "id"), optional_text(row, "response")
    system = optional_text(row, "system") or "default"
    sample = optional_integer(row, "sample", low=0) or 0
    lang: Language | None = None
    for known in get_args(Language):
        lang = known if optional_text(row, "lang") == known else lang
    if response is None:
        read.texts = False
        # Experts must not see the system. Replies of two tables are not known to be the same.
        place = "\x1f".join((read.sha256, name, system, str(sample)))
        digest = hashlib.sha256(place.encode()).hexdigest()
        response = f"(no text in the table: item {name}, reply {digest[:8]})"
    return Generation(
        id=name,
        system=system,
        sample=sample,
        prompt=optional_text(row, "prompt") or name,
        response=response,
        group=optional_text(row, "group"),
        lang=lang,
    )


def _rubric_names(read: _Read) -> Iterable[str]:
    return dict.fromkeys(rubric for _, _, rubric, _ in read.scores)


def _rubric(name: str, read: _Read, scales: Mapping[str | None, tuple[float, float]]) -> Rubric:
    """Take the built-in rubric of that name where it fits, else make one of what is there."""
    levels = defaultdict[str, set[float]](set)
    for (_, _, rubric, _), scores in read.scores.items():
        if rubric == name:
            for criterion, score in scores.items():
                levels[criterion].update(() if score is None else (score,))
    try:
        known = load_rubric(name)
    except (RubricError, KeyError):
        known = None
    if known is not None and set(levels) <= {each.id for each in known.criteria}:
        return known
    return Rubric(
        id=name,
        version="1",
        language="en",
        title=f"Scores of another tool ({name})",
        purpose="Holds the criteria of a table of scores that was imported.",
        instructions="The judge was asked by another tool; its instructions are not known here.",
        criteria=tuple(_criterion(each, seen, scales) for each, seen in levels.items()),
    )


def _criterion(
    name: str, levels: set[float], scales: Mapping[str | None, tuple[float, float]]
) -> Criterion:
    scale = scales.get(name, None if levels <= {0.0, 1.0} else scales.get(None)) or (
        (0.0, 1.0) if levels <= {0.0, 1.0} else None
    )
    if scale is None:
        found = ", ".join(f"{level:g}" for level in sorted(levels)[:6])
        raise ConfigError(
            f"{name} has the scores {found}: the scale is not guessed. Give --scale {name}=MIN,MAX."
        )
    low, high = round(scale[0]), round(scale[1])
    off = sorted(level for level in levels if not low <= level <= high)
    if off or not 0 < high - low < MOST_LEVELS:
        what = f"a score of {off[0]:g} is off the scale" if off else "there are too many levels on"
        raise ConfigError(f"{name}: {what} {low} to {high}.")
    return Criterion(
        id=name,
        title=name,
        question=f"The score that the other tool calls {name}.",
        scale=Scale(
            min=low,
            max=high,
            anchors=tuple(
                Anchor(score=level, text=f"level {level}") for level in range(low, high + 1)
            ),
        ),
        weight=0.0,
        direction="descriptive",
        source=Source(kind="project", reference="a table of another tool"),
    )


def _judgments(read: _Read, rubrics: Iterable[Rubric]) -> Iterable[Judgment]:
    known = {each.id: each for each in rubrics}
    digests = {each.id: rubric_digest(each) for each in known.values()}
    for (unit, judge, rubric, repeat), scores in read.scores.items():
        generation = read.generations[unit]
        key = json.dumps(
            [*unit, judge, rubric, repeat, generation.response, sorted(scores.items())]
        )
        yield Judgment(
            key=hashlib.sha256(key.encode()).hexdigest(),
            id=unit[0],
            system=unit[1],
            sample=unit[2],
            group=generation.group,
            lang=generation.lang,
            judge=judge,
            rubric=rubric,
            rubric_hash=digests[rubric],
            repeat=repeat,
            verdicts=tuple(
                _verdict(each.id, scores.get(each.id)) for each in known[rubric].criteria
            ),
            provenance=read.stamps[unit, judge, rubric, repeat],
        )


def _verdict(criterion: str, score: float | None) -> Scored | Unscored:
    if score is None:
        return Unscored(criterion=criterion, outcome="unscored.empty")
    return Scored(criterion=criterion, score=round(score))
