"""A section as the page shows it: a sentence, then pictures, tables and notes."""

from collections.abc import Sequence
from dataclasses import dataclass

from judge.report.both import Both
from judge.report.picture import Picture, Table


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section of the page."""

    ident: str
    """Anchor of the section."""
    template: str = "plain.html"
    title: Both
    lead: Both
    """What is to be seen, from the numbers."""
    pictures: Sequence[Picture] = ()
    tables: Sequence[tuple[Both | None, Table]] = ()
    """Each with a heading or none."""
    notes: Sequence[Both] = ()
