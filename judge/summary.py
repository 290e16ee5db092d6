"""What a run found, counted: by rubric, criterion, judge, system and group.

Scores here are the judge's own. They are not corrected for the judge's errors, so whatever shows
them says "judge only".
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from pydantic import Field

from judge.config import Manifest
from judge.pairwise import settled
from judge.panel import with_panel
from judge.records import Counts, Judgment, Provenance, Record, worst


class Cell(Record):
    """One criterion of one rubric, judge and system, over all groups or in one of them."""

    rubric: str
    criterion: str
    judge: str
    system: str
    group: str | None
    """None for all groups together."""
    counts: Counts
    levels: Mapping[int, int] = Field(default_factory=dict[int, int])
    """How many verdicts gave each score."""
    reasons: Mapping[str, int] = Field(default_factory=dict[str, int])
    """How many verdicts are missing for each reason."""
    provenance: Provenance
    """The least live of its judgments."""

    @property
    def mean(self) -> float | None:
        """Mean score in the unit of the scale; None when nothing was scored."""
        total = sum(self.levels.values())
        weighted = sum(score * count for score, count in self.levels.items())
        return weighted / total if total else None


_Place = tuple[str, str, str, str, str | None]


def concluded(judgments: Iterable[Judgment], manifest: Manifest) -> Iterator[Judgment]:
    """Give what a summary counts: the panel's judgments, too, and each pair once for both orders.

    Parameters
    ----------
    judgments : iterable of Judgment
        Those of one unit next to each other, as a store gives them.
    manifest : Manifest
        Of their run.
    """
    heard = with_panel(judgments, len(manifest.judges))
    return settled(heard) if manifest.kind == "pairwise" else heard


def summarise(judgments: Iterable[Judgment]) -> tuple[Cell, ...]:
    """Count a run's verdicts, for all groups together and for each of them.

    Parameters
    ----------
    judgments : iterable of Judgment
        Streamed; only counts are held.

    Returns
    -------
    tuple of Cell
        In order of rubric, criterion, judge, system; the whole before its groups.
    """
    tallies = defaultdict[_Place, Counter[int | str]](Counter)
    stamps = defaultdict[_Place, set[Provenance]](set)
    for judgment in judgments:
        for place, outcome in _entries(judgment):
            tallies[place][outcome] += 1
            stamps[place].add(judgment.provenance)
    return tuple(
        _cell(place, tallies[place], worst(stamps[place]))
        for place in sorted(tallies, key=_place_order)
    )


def _entries(judgment: Judgment) -> Iterator[tuple[_Place, int | str]]:
    for verdict in judgment.verdicts:
        outcome = verdict.score if verdict.kind == "scored" else verdict.outcome
        for group in {None, judgment.group}:
            place = (
                judgment.rubric,
                verdict.criterion,
                judgment.judge,
                judgment.system,
                group,
            )
            yield place, outcome


def _place_order(place: _Place) -> tuple[str, ...]:
    return tuple(part or "" for part in place)


def _cell(place: _Place, tally: Counter[int | str], provenance: Provenance) -> Cell:
    rubric, criterion, judge, system, group = place
    levels = {key: count for key, count in tally.items() if isinstance(key, int)}
    reasons = {key: count for key, count in tally.items() if isinstance(key, str)}
    return Cell(
        rubric=rubric,
        criterion=criterion,
        judge=judge,
        system=system,
        group=group,
        counts=count_outcomes({"ok": sum(levels.values()), **reasons}),
        levels=levels,
        reasons=reasons,
        provenance=provenance,
    )


def count_outcomes(outcomes: Mapping[str, int], *, planned: int | None = None) -> Counts:
    """Sort outcomes into scored, unscored, error and skipped.

    Parameters
    ----------
    outcomes : mapping of str to int
        How many there are of each outcome.
    planned : int, optional
        What was planned; the difference was never asked and counts as skipped.
    """
    parts = {
        part: sum(count for outcome, count in outcomes.items() if outcome.startswith(f"{part}."))
        for part in ("unscored", "error", "skipped")
    }
    scored = outcomes.get("ok", 0)
    asked = scored + sum(parts.values())
    whole = asked if planned is None else planned
    parts["skipped"] += whole - asked
    return Counts(planned=whole, scored=scored, **parts)
