"""How many labels a wanted interval needs, foretold from the labels that exist."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from calibration.estimate import InsufficientLabels
from calibration.planning import LabelPlan, Pilot, pilot_from_labels, plan_labels
from judge.errors import ConfigError
from judge.trust.part import Part

HALF_WIDTHS = (0.15, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.015, 0.01)
"""Half-widths of the curve, fractions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the labels are to achieve, for a rate.

    Attributes
    ----------
    half_width : float or None
        Of the reported interval, a fraction.
    margin : float or None
        The gate passes where the lower limit is above the expected rate less this.
    power : float
        Wanted probability that the gate passes.
    error : float
        Risk of each limit of the gate; the reported interval has ``1 - error`` coverage.
    """

    half_width: float | None = None
    margin: float | None = None
    power: float = 0.8
    error: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Half-width against labels, for one part.

    Attributes
    ----------
    criterion, system : str
    points : tuple of (int, float)
        Labels and the half-width that they give, fewest labels first.
    now : int
        Labels that exist.
    wanted : float or None
    needed : int or None
        Labels that reach what is wanted.
    """

    criterion: str
    system: str
    points: tuple[tuple[int, float], ...]
    now: int
    wanted: float | None = None
    needed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What labels are planned for.

    Attributes
    ----------
    name : str
    pilot : Pilot
    items : int
        Items with or without a verdict; no more labels than that can be had.
    groups : mapping of str to int
        Items in each group to share the labels out over; empty for none.
    """

    name: str
    pilot: Pilot
    items: int
    groups: Mapping[str, int] = field(default_factory=dict[str, int])


def subject_of(part: Part, *, by_group: bool = False) -> Subject:
    """Take a part's labels for a pilot.

    Raises
    ------
    ConfigError
        If the criterion is counted as a mean, for which nothing is foretold.
    ValueError, InsufficientLabels
        As in `calibration.planning.pilot_from_labels`.
    """
    if part.counting.kind != "rate":
        raise ConfigError(
            f"{part.name} is a mean; labels are planned for rates. Give --at-least LEVEL to count "
            "items at that level and above."
        )
    groups = Counter(group if group is not None else "(none)" for group in part.groups)
    return Subject(
        name=f"{part.name} {part.system}",
        pilot=pilot_from_labels(part.judged, part.human),
        items=len(part.units),
        groups=dict(sorted(groups.items())) if by_group else {},
    )


def plan(subject: Subject, wanted: Wanted) -> LabelPlan:
    """Find the fewest labels that achieve what is wanted.

    Raises
    ------
    ValueError
        If nothing is wanted, or the margin reaches below 0.
    InsufficientLabels
        If labelling every item would not be enough.
    """
    return plan_labels(
        subject.pilot,
        half_width=wanted.half_width,
        floor=None if wanted.margin is None else subject.pilot.rate - wanted.margin,
        power=wanted.power,
        error=wanted.error,
        n_judged=subject.items,
        groups=subject.groups,
    )


def points(pilot: Pilot, items: int) -> list[tuple[int, float]]:
    """Foretell half-widths: labels and what they give, fewest labels first, one entry each."""
    found: dict[int, float] = {}
    for half_width in HALF_WIDTHS:
        try:
            made = plan_labels(pilot, half_width=half_width, n_judged=items)
        except InsufficientLabels:
            break
        found[made.labels] = made.half_width
    return sorted(found.items())


def curve_of(part: Part, *, half_width: float) -> Curve:
    """Foretell the half-width for more and more labels, and how many reach the one wanted.

    Raises
    ------
    ConfigError, ValueError, InsufficientLabels
        As in `subject_of`.
    """
    subject = subject_of(part)
    try:
        needed = plan(subject, Wanted(half_width=half_width)).labels
    except InsufficientLabels:
        needed = None
    return Curve(
        criterion=part.name,
        system=part.system,
        points=tuple(points(subject.pilot, subject.items)),
        now=int((~np.isnan(part.human)).sum()),
        wanted=half_width,
        needed=needed,
    )
