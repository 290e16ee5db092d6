"""What the labels of a run may be about, whatever form they come in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from calibration.tables import Row, optional_text, text
from judge.records import Language
from judge.samples import Sample, SampledItem
from judge.store.base import Label
from rubrics.rubric import Rubric, Scale

Unit = tuple[str, str, int]


class Home(NamedTuple):
    """What the run knows of a unit."""

    group: str | None
    lang: Language
    """In which it was judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What labels may be about.

    Attributes
    ----------
    units : mapping of unit to Home
        The units of the run.
    rubrics : tuple of Rubric
        Those of the run; their criteria and scales are what a label may name.
    drawn : Sample or None
        The draw on record, whose sheets and tasks are known by opaque names.
    rater : str or None
        Who labelled, where the file does not say.
    """

    units: Mapping[Unit, Home]
    rubrics: tuple[Rubric, ...]
    drawn: Sample | None = None
    rater: str | None = None

    @property
    def scales(self) -> dict[str, Scale]:
        """Scales by criterion."""
        return {
            criterion.id: criterion.scale
            for rubric in self.rubrics
            for criterion in rubric.criteria
        }

    def rubric_of(self, unit: Unit, criterion: str) -> Rubric | None:
        """Give the edition that a unit was judged by; None where several have the criterion."""
        asking = {
            (rubric.id, rubric.language): rubric
            for rubric in self.rubrics
            if any(each.id == criterion for each in rubric.criteria)
        }
        if len({name for name, _ in asking}) != 1:
            return None
        name, written = next(iter(asking))
        return asking.get((name, self.units[unit].lang), asking[name, written])

    def shown_label(
        self, item: SampledItem, *, rater: str, criterion: str, score: float | None, source: str
    ) -> Label:
        """Make the label of an item that was drawn, as the experts' room would have made it."""
        rubric = self.rubric_of(item.unit, criterion)
        return Label(
            id=item.id,
            system=item.system,
            sample=item.sample,
            rater=rater,
            criterion=criterion,
            score=score,
            group=self.units[item.unit].group,
            rubric=rubric.id if rubric else None,
            rubric_hash=rubric.digest if rubric else None,
            source=source,
        )


def rater_of(row: Row, asked: Asked) -> str:
    """Read who rated; a rater whom the caller named must not be contradicted."""
    if asked.rater is None:
        return text(row, "rater")
    written = optional_text(row, "rater")
    if written not in {None, asked.rater}:
        raise row.error(f"'rater' is '{(written or '')[:40]}'", f"leave out --rater {asked.rater}")
    return asked.rater
