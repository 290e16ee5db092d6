"""What the labels of a run may be about, whatever form they come in."""

from collections.abc import Mapping
from dataclasses import dataclass

from calibration.tables import Row, optional_text, text
from judge.samples import Sample
from rubrics.rubric import Rubric
from rubrics.scale import Scale

Unit = tuple[str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What labels may be about.

    Attributes
    ----------
    units : mapping of str to tuple of unit
        By id of a prompt, the units of the run.
    rubrics : tuple of Rubric
        Those of the run; their criteria and scales are what a label may name.
    drawn : Sample or None
        The draw on record, whose sheets and tasks are known by opaque names.
    rater : str or None
        Who labelled, where the file does not say.
    """

    units: Mapping[str, tuple[Unit, ...]]
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


def rater_of(row: Row, asked: Asked) -> str:
    """Read who rated; a rater whom the caller named must not be contradicted."""
    if asked.rater is None:
        return text(row, "rater")
    written = optional_text(row, "rater")
    if written not in {None, asked.rater}:
        raise row.error(f"'rater' is '{(written or '')[:40]}'", f"leave out --rater {asked.rater}")
    return asked.rater
