"""The risk that one look at growing data may take, so that all looks together keep to the whole.

A gate that is asked again after more labels have come is a sequential test. Before the first look
it is fixed how much of the risk may be spent, in one of two ways. By look k of K:
``error * sqrt(k / K)``, a power family of spending functions on the share of looks. Or by n labels
where N are planned: ``error * u**6 / (u**6 + 0.7)`` with ``u = n / N``: little before, 59 % at the
planned number, and never all of it, whatever the number of looks. At each look the boundary is
placed so that crossing it now, and at no look before, has exactly the probability that this look
adds. That probability depends on how much the data of two looks overlap: the correlation of the
test statistics at n and m labels is ``sqrt(n / m)``.

The boundary is exact for normal statistics. For the discrete, one-sided limits of the gate it is
applied to their nominal level; ``benchmarks/gate_looks.py`` measures what that gives.

References
----------
Lan and DeMets (1983), Biometrika 70(3), 659-663, spending functions; (1989), Biometrics 45(3),
1017-1020, spending on calendar time when the last amount of information is not known.
Kim and DeMets (1987), Biometrika 74(1), 149-154, the power family.
Armitage, McPherson and Rowe (1969), J. R. Stat. Soc. A 132(2), 235-244, the recursion.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from scipy import special

from calibration.validation import MOST_LOOKS, FloatArray, check_error

_POWER = 0.5
_STEEPNESS = 6
_LATER = 0.7
_REACH = 8.5
_NODES = 681
_NOTHING = 1e-12


def spent(look: int, looks: int, *, error: float) -> float:
    """Risk that looks 1 to ``look`` may spend together.

    Parameters
    ----------
    look : int
        Number of the look, 1 or more; looks after the last planned one add nothing.
    looks : int
        Looks that were planned, 1 or more.
    error : float
        Risk of all looks together, a fraction below one half.

    Returns
    -------
    float

    Examples
    --------
    >>> [round(spent(look, 4, error=0.05), 4) for look in (1, 2, 3, 4, 5)]
    [0.025, 0.0354, 0.0433, 0.05, 0.05]
    """
    check_error(error)
    if look < 1 or looks < 1:
        raise ValueError(f"look and looks must be at least 1; got {look} and {looks}.")
    return error * float(min(look / looks, 1.0) ** _POWER)


def spent_by_labels(labels: float, planned: float, *, error: float) -> float:
    """Risk that may be spent by a number of labels, where one was planned.

    Use where the labels that a decision needs are known beforehand, as from
    :func:`calibration.pair_planning.plan_pairs`: looks before them then cost little.

    Parameters
    ----------
    labels : float
        Labels so far, 0 or more.
    planned : float
        Labels that were planned, > 0.
    error : float
        Risk of all looks together, a fraction below one half.

    Returns
    -------
    float
        Below ``error``.

    Examples
    --------
    >>> [round(spent_by_labels(n, 200, error=0.05), 4) for n in (100, 150, 200, 300)]
    [0.0011, 0.0101, 0.0294, 0.0471]
    """
    check_error(error)
    if labels < 0.0 or planned <= 0.0:
        raise ValueError(f"labels must be 0 or more and planned above 0; got {labels}, {planned}.")
    share = (labels / planned) ** _STEEPNESS
    return error * share / (share + _LATER)


def look_error(
    labels: Sequence[float], *, looks: int, error: float, planned: float | None = None
) -> float:
    """Nominal one-sided risk at which the last of several looks may test.

    Parameters
    ----------
    labels : sequence of float, length k
        Number of labels at each look so far, the present one last; > 0. Where a look has fewer
        labels than the one before, the two are treated as unrelated, which is stricter.
    looks : int
        Looks that were planned.
    error : float
        Risk of all looks together.
    planned : float, optional
        Labels that were planned; the risk then goes by them, see :func:`spent_by_labels`.

    Returns
    -------
    float
        In [0, error]; 0 for a look beyond those that were planned, and ``error`` itself where one
        look was planned and this is it.

    Raises
    ------
    ValueError
        If nothing was looked at, or an argument is off its range.

    Examples
    --------
    The first of five looks may spend 45 % of the risk. The second adds 19 %; it may test at more
    than that, since part of what would cross now has crossed before.

    >>> round(look_error([100], looks=5, error=0.05), 4)
    0.0224
    >>> round(look_error([100, 200], looks=5, error=0.05), 4)
    0.0149
    """
    check_error(error)
    if not labels or min(labels) <= 0.0:
        raise ValueError("every look must have labels; give their numbers, the present one last.")
    if not 1 <= looks <= MOST_LOOKS:
        raise ValueError(f"looks must be 1 to {MOST_LOOKS}; got {looks}.")
    if len(labels) > looks:
        return 0.0
    if planned is None:
        totals = [spent(number, looks, error=error) for number in range(1, len(labels) + 1)]
    else:
        most = np.maximum.accumulate(labels).tolist()
        totals = [spent_by_labels(n, planned, error=error) for n in most]
    added = np.diff([0.0, *totals]).tolist()
    crossing = boundaries(tuple(added), tuple(map(float, labels)))[-1]
    return min(float(special.ndtr(-crossing)), error)


def looks_that_count(
    labels: Sequence[int],
    *,
    fewest: Callable[[float], int],
    looks: int,
    error: float,
    planned: float | None = None,
) -> list[int]:
    """Leave out looks at which nothing could have passed, with no label against it.

    Parameters
    ----------
    labels : sequence of int
        Number of labels at each look, oldest first.
    fewest : callable
        From the risk of a look to the fewest labels with which anything can pass at that risk.
    looks : int
        Looks that were planned.
    error : float
        Risk of all looks together.
    planned : float, optional
        Labels that were planned.

    Returns
    -------
    list of int
        Labels at the looks that spend risk, at most as many as were planned.

    Examples
    --------
    >>> from calibration.pair_planning import hard_floor
    >>> least = lambda risk: hard_floor(0.05, error=risk)
    >>> looks_that_count([20, 60, 80, 160], fewest=least, looks=5, error=0.05)
    [80, 160]
    """
    counted: list[int] = []
    for n in labels:
        if len(counted) == looks:
            break
        if n <= 0 or n < fewest(error):
            continue
        if n >= fewest(look_error([*counted, n], looks=looks, error=error, planned=planned)):
            counted.append(n)
    return counted


def fewest_at_look(
    counted: Sequence[int],
    *,
    fewest: Callable[[float], int],
    looks: int,
    error: float,
    planned: float | None = None,
) -> int:
    """Give the fewest labels with which anything can pass at the look after those that counted.

    Parameters
    ----------
    counted : sequence of int
        Labels at the looks that counted, from :func:`looks_that_count`.
    fewest : callable
        As there.
    looks : int
    error : float
    planned : float, optional
        Labels that were planned.

    Examples
    --------
    >>> from calibration.pair_planning import hard_floor
    >>> least = lambda risk: hard_floor(0.05, error=risk)
    >>> fewest_at_look([], fewest=least, looks=5, error=0.05)
    75
    >>> fewest_at_look([], fewest=least, looks=5, error=0.05, planned=150)
    101
    """
    low = fewest(error)
    if len(counted) >= looks:
        return low

    def enough(n: int) -> bool:
        return n >= fewest(look_error([*counted, n], looks=looks, error=error, planned=planned))

    high = low
    while not enough(high):
        low, high = high + 1, 2 * high
    # A look with more labels may take no less of the risk, so that one number parts the two.
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


@lru_cache(maxsize=512)
def boundaries(added: tuple[float, ...], labels: tuple[float, ...]) -> tuple[float, ...]:
    """Critical values of a standard normal statistic at each look.

    Parameters
    ----------
    added : tuple of float, length k
        Probability of crossing first at each look.
    labels : tuple of float, length k
        Information at each look.

    Returns
    -------
    tuple of float, length k

    Examples
    --------
    >>> [round(each, 2) for each in boundaries((0.025, 0.0), (1.0, 2.0))]
    [1.96, 8.5]
    """
    nodes: FloatArray = np.linspace(-_REACH, _REACH, _NODES)
    found: list[float] = []
    density = np.zeros(_NODES)
    for number, risk in enumerate(added):
        if number == 0:
            density = np.exp(-0.5 * nodes**2) / np.sqrt(2.0 * np.pi)
            found.append(float(-special.ndtri(risk)) if risk > _NOTHING else _REACH)
        else:
            ratio = labels[number - 1] / labels[number]
            density = _moved(density, nodes, ratio=ratio)
            found.append(_crossing(density, nodes, risk))
        density = np.where(nodes < found[-1], density, 0.0)
    return tuple(found)


def _moved(density: FloatArray, nodes: FloatArray, *, ratio: float) -> FloatArray:
    """Carry the density of the statistic, where nothing has crossed, to the next look."""
    step = float(nodes[1] - nodes[0])
    if ratio > 1.0:
        # Labels were taken back: nothing is known of how the two looks hang together.
        return np.exp(-0.5 * nodes**2) / np.sqrt(2.0 * np.pi) * float(density.sum()) * step
    if ratio > 1.0 - 1e-4:
        return density
    kept, fresh = np.sqrt(ratio), np.sqrt(1.0 - ratio)
    distance = (nodes[:, None] - kept * nodes[None, :]) / fresh
    return (np.exp(-0.5 * distance**2) / (np.sqrt(2.0 * np.pi) * fresh)) @ density * step


def _crossing(density: FloatArray, nodes: FloatArray, risk: float) -> float:
    """Value above which the density holds the risk."""
    if risk <= _NOTHING:
        return _REACH
    step = float(nodes[1] - nodes[0])
    above = np.cumsum(density[::-1])[::-1] * step
    return float(np.interp(-risk, -(above - 0.5 * density * step), nodes))
