"""Upper bound for the share of rare events of which not one was seen.

Experts have looked at some units and found no event. A judge has looked at others and reported
none, and it is known from elsewhere that it finds at least a share R of the events that there are.
A unit that an expert labelled shows an event if it is one; a unit that only the judge looked at
shows it with probability R. A unit that nobody looked at shows nothing.

With theta_c the share of events in cell c, of which n_c units drawn at random are labelled and u_c
others watched by the judge, no event is seen with probability
``prod_c (1 - theta_c) ** n_c * (1 - R theta_c) ** u_c``. The bound is the largest share of events
over all cells for which that probability is still at least the risk. With one cell and no judge it
is 1 - risk ** (1 / n), about 3 / n at 5 % (the rule of three).

References
----------
Hanley and Lippman-Hand (1983), JAMA 249(13), 1743-1745, the rule of three.
Clopper and Pearson (1934), Biometrika 26(4), 404-413, the exact limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, log1p

from calibration.intervals import clopper_pearson
from calibration.validation import FileRecord, check_error

_HALVINGS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Units of one cell, none of which was seen to be an event.

    Attributes
    ----------
    units : float
        All units of the cell: prompts, where several responses belong to one.
    labelled : float
        Of them, drawn at random, those that experts labelled.
    judged : float
        Of the others, those of which the judge reported no event.
    """

    units: float
    labelled: float
    judged: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened(FileRecord):
    """What labels say of a judge's reports, on one side: the items it reports, or the others.

    Attributes
    ----------
    items : int
        Items on that side.
    labelled : int
        Of them, drawn at random, those with a label.
    events : int
        Of those, events by the label.
    """

    items: int
    labelled: int
    events: int


def event_bound(cells: Sequence[Watched], *, risk: float, recall: float = 0.0) -> float:
    """Bound the share of events among all units, where none was seen.

    Parameters
    ----------
    cells : sequence of Watched
        Inside each, labels were drawn at random.
    risk : float
        Probability that the bound is too low, a fraction below one half.
    recall : float
        Share of events that the judge is known to report at least; 0 where nothing is known.

    Returns
    -------
    float
        A fraction.

    Raises
    ------
    ValueError
        If there are no units, or an argument is off its range.

    Examples
    --------
    >>> round(event_bound([Watched(units=300, labelled=30)], risk=0.05), 3)
    0.095
    >>> watched = Watched(units=300, labelled=30, judged=270)
    >>> round(event_bound([watched], risk=0.05, recall=0.5), 3)
    0.018
    """
    check_error(risk)
    if not 0.0 <= recall <= 1.0:
        raise ValueError(f"recall must be a fraction; got {recall}.")
    total = sum(cell.units for cell in cells)
    if total <= 0.0:
        raise ValueError("there are no units to bound the share of events in.")
    least = log(risk)
    low, high = -60.0, 60.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        shares = [_share(cell, recall, price=exp(middle)) for cell in cells]
        seen_nothing = sum(
            _log_unseen(cell, share, recall) for cell, share in zip(cells, shares, strict=True)
        )
        # The lower the price of a seen unit, the more events are supposed.
        low, high = (low, middle) if seen_nothing >= least else (middle, high)
    shares = [_share(cell, recall, price=exp(high)) for cell in cells]
    return min(
        sum(cell.units * share for cell, share in zip(cells, shares, strict=True)) / total, 1.0
    )


def _log_unseen(cell: Watched, share: float, recall: float) -> float:
    """Logarithm of the probability that a share of events stays unseen in a cell."""
    by_label = cell.labelled * log1p(-share) if share < 1.0 else -inf if cell.labelled else 0.0
    left = recall * share
    by_judge = cell.judged * log1p(-left) if left < 1.0 else -inf if cell.judged else 0.0
    return by_label + by_judge


def _share(cell: Watched, recall: float, *, price: float) -> float:
    """Share of events at which one more costs as much as it adds, by halving."""

    def cost(share: float) -> float:
        by_label = cell.labelled / max(1.0 - share, 1e-300) if cell.labelled else 0.0
        by_judge = cell.judged * recall / max(1.0 - recall * share, 1e-300)
        return price * (by_label + by_judge)

    if cost(0.0) >= cell.units:
        return 0.0
    if cost(1.0) <= cell.units:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if cost(middle) <= cell.units else (low, middle)
    return low


def recall_limit(reported: Screened, others: Screened, *, risk: float) -> float:
    """Lower limit of the share of events that a judge reports.

    The events that it reports and those that it does not are bounded apart, each within its side,
    so that labels may have been drawn more often where it reports one.

    Parameters
    ----------
    reported, others : Screened
        Items that the judge reports as events, and all others, those without a verdict among them.
    risk : float
        Probability that the limit is too high, shared by the two sides.

    Returns
    -------
    float
        A fraction; 0 where no event was labelled.

    Examples
    --------
    >>> reported = Screened(items=40, labelled=40, events=30)
    >>> round(recall_limit(reported, Screened(items=960, labelled=200, events=0), risk=0.05), 2)
    0.57
    """
    check_error(risk)
    if not reported.labelled or not others.labelled:
        return 0.0
    found = clopper_pearson(reported.events, reported.labelled, tail=risk / 2.0).low
    missed = clopper_pearson(others.events, others.labelled, tail=risk / 2.0).high
    least, most = found * reported.items, missed * others.items
    return least / (least + most) if least > 0.0 else 0.0
