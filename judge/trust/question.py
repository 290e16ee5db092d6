"""What is asked of scores and labels: how criteria are counted, of which items, by whose word."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the caller declares. Mappings are by criterion, None for all without an entry.

    Attributes
    ----------
    group : str
        Column that names the group of an item.
    cluster : str or None
        Column that names the prompt that items share; None where items are on their own.
    scales : mapping of str or None to (float, float)
        Ends of the scale, where no rubric says them.
    at_least : mapping of str or None to float
        The level from which on an item passes: the criterion is then counted as a rate.
    only : mapping of str or None to tuple of str
        The groups that a criterion is asked of; all where there is no entry.
    judge : str or None
        The one judge whose scores are asked for; None for all.
    gold : str or None
        The rater whose labels settle the items, such as an adjudicator.
    covariates : tuple of str
        Columns with properties of the responses that should not move the judge.
    """

    group: str = "group"
    cluster: str | None = None
    scales: Mapping[str | None, tuple[float, float]] = field(
        default_factory=dict[str | None, tuple[float, float]]
    )
    at_least: Mapping[str | None, float] = field(default_factory=dict[str | None, float])
    only: Mapping[str | None, tuple[str, ...]] = field(
        default_factory=dict[str | None, tuple[str, ...]]
    )
    judge: str | None = None
    gold: str | None = None
    covariates: tuple[str, ...] = ()

    def threshold(self, criterion: str) -> float | None:
        """Give the level from which on an item passes, where one was declared."""
        return self.at_least.get(criterion, self.at_least.get(None))

    def groups(self, criterion: str) -> tuple[str, ...] | None:
        """Give the groups that a criterion is asked of; None for all."""
        return self.only.get(criterion, self.only.get(None))
