"""How many labels a wanted interval needs, foretold from the labels that exist."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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


def pilot_of(part: Part) -> Pilot:
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
    return pilot_from_labels(part.judged, part.human)


def plan(
    pilot: Pilot, wanted: Wanted, *, n_judged: int, groups: Mapping[str, int] | None = None
) -> LabelPlan:
    """Find the fewest labels that achieve what is wanted.

    Raises
    ------
    ValueError
        If nothing is wanted, or the margin reaches below 0.
    InsufficientLabels
        If labelling every item would not be enough.
    """
    return plan_labels(
        pilot,
        half_width=wanted.half_width,
        floor=None if wanted.margin is None else pilot.rate - wanted.margin,
        power=wanted.power,
        error=wanted.error,
        n_judged=n_judged,
        groups=groups,
    )


def curve_of(part: Part, wanted: Wanted | None = None) -> Curve:
    """Foretell the half-width for more and more labels.

    Raises
    ------
    ConfigError, ValueError, InsufficientLabels
        As in `pilot_of`.
    """
    pilot = pilot_of(part)
    aim = None if wanted is None else wanted.half_width
    points = dict(_points(pilot, len(part.units)))
    return Curve(
        criterion=part.name,
        system=part.system,
        points=tuple(sorted(points.items())),
        now=int((~np.isnan(part.human)).sum()),
        wanted=aim,
        needed=None if aim is None else _needed(pilot, aim, len(part.units)),
    )


def _points(pilot: Pilot, n: int) -> Iterator[tuple[int, float]]:
    for half_width in HALF_WIDTHS:
        try:
            found = plan_labels(pilot, half_width=half_width, n_judged=n)
        except InsufficientLabels:
            return
        yield found.labels, found.half_width


def _needed(pilot: Pilot, half_width: float, n: int) -> int | None:
    try:
        return plan_labels(pilot, half_width=half_width, n_judged=n).labels
    except InsufficientLabels:
        return None
