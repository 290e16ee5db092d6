"""What was drawn for experts to label: kept with the run, so that estimates can undo the draw."""

from typing import Literal

from pydantic import Field

from judge.records import Record

KIND = "sample"
"""Kind of the document in the store."""

SampleDesign = Literal["random", "by-verdict", "neyman"]


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
    """A draw from a run."""

    design: SampleDesign
    seed: int
    by: str | None = None
    """Column whose values were strata beside the systems."""
    judge: str | None = None
    rubric: str | None = None
    criterion: str | None = None
    """Whose verdicts made the strata; None for a plain random draw."""
    asked: tuple[str, ...]
    """Criteria that experts are asked for."""
    cells: tuple[int, ...]
    """Stratum of every item of the run, in the order of the run."""
    items: tuple[SampledItem, ...]
