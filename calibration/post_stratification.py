"""The pass rate of judged items from the rates of their strata, each known from a few labels.

Strata are the judge's verdicts, parted further where labels were drawn at unequal rates: inside a
stratum all labels stand for about equally many items, so that a weight is never related to an
outcome there. A rate has a Beta confidence distribution; the distribution of their mean is melded.
A stratum without labels counts as anything between 0 and 1.

Limits for reports are mid-p: each comes from both exact distributions, half and half. That is near
nominal where the strata smooth each other's steps. Where nearly all that is unknown lies in one
stratum, as with a judge that passes nearly everything, the steps of its counts stay, and mid-p
limits cover in as few as 91.7 %. So the exact distribution gets a larger share there, to `EXACT`,
the more, the wider the steps are beside the spread of the estimate. What stays of steps of width d,
when the rest has a spread of s, is taken as the square of the first harmonic of their sum,
exp(-4 pi^2 s^2 / d^2). See docs/decisions/0014.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.estimate import Interval, StratumCount
from calibration.intervals import clopper_pearson
from calibration.labelled_sample import Labelled
from calibration.melding import (
    CELLS,
    Distribution,
    Form,
    Lattice,
    exact_share,
    finite_rate_distribution,
    mixed_by_size,
    moments,
    rate_distribution,
    weighted_mean,
)
from calibration.validation import BoolArray, Population

PRIOR = 0.5  # Jeffreys' half item for each stratum, so that none has a share of exactly 0
NOT_DRAWN = "no label drawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Items alike in the judge's verdict: how many, and what the labels among them say.

    Attributes
    ----------
    size : float
        Effective number of items.
    passes, labels : float
        Effective counts of labels; both 0 where there is none.
    name : str
        What the items have in common, for the record.
    items, labelled : int
        Plain counts of items and of labels.
    """

    size: float
    passes: float
    labels: float
    name: str = ""
    items: int = 0
    labelled: int = 0


def verdict_strata(labelled: Labelled) -> tuple[Stratum, ...]:
    """Part binary judged items by verdict and by the rate at which labels were drawn."""
    judge = labelled.judge
    verdicts = (
        ("judge passes", judge == 1.0),
        ("judge fails", judge == 0.0),
        ("no verdict", labelled.missing),
    )
    found = [
        _stratum(labelled, among, name)
        for name, mask in verdicts
        for among in _parts(labelled, mask, wanted=name != "no verdict")
    ]
    if not labelled.covered.all():
        found.append(_stratum(labelled, ~labelled.covered, NOT_DRAWN))
    return tuple(found)


def _parts(labelled: Labelled, mask: BoolArray, *, wanted: bool) -> list[BoolArray]:
    """Part items by class; a verdict that no item has is still a stratum, of no item."""
    parts = [part for part in (mask & one for one in labelled.class_masks) if part.any()]
    return parts or ([mask & labelled.covered] if wanted else [])


def verdict_counts(labelled: Labelled, verdict: float) -> tuple[float, float]:
    """Effective passes and labels among the items with a verdict."""
    one = _stratum(labelled, (labelled.judge == verdict) & labelled.covered, "")
    return one.passes, one.labels


def point_value(strata: tuple[Stratum, ...]) -> float:
    """Mean rate at the observed counts; one half is put where nothing is known."""
    sizes = np.array([stratum.size for stratum in strata])
    rates = [one.passes / one.labels if one.labels > 0.0 else 0.5 for one in strata]
    return float(np.clip(sizes @ np.array(rates) / sizes.sum(), 0.0, 1.0))


def melded_limits(
    strata: tuple[Stratum, ...],
    *,
    tail: float,
    strict: bool,
    population: Population = "superpopulation",
) -> tuple[float, float]:
    """Limits of the mean rate over independent strata.

    Parameters
    ----------
    strata : tuple of Stratum
        At least one.
    tail : float
        Probability beyond each limit.
    strict : bool
        Whether each limit comes from its own one-sided distribution; else from a mixture of both,
        mid-p unless the labels of one stratum decide alone.
    population : {"superpopulation", "finite"}
        Whether the rate asked for is that of all items like these, or of these items alone.

    Returns
    -------
    (float, float)
        Fractions, lower limit first.
    """
    if population == "finite":
        strata = tuple(one for one in strata if one.items)
    sizes = _sizes(strata, population)
    middle = _rates(strata, 0.5, population)
    exact = 1.0 if strict else _exact_share(strata, middle, population)
    if exact == 0.5:
        low = high = _melded(middle, sizes, population)
    else:
        low, high = (
            _melded(_rates(strata, share, population), sizes, population)
            for share in (exact, 1.0 - exact)
        )
    return max(low.quantile(tail), 0.0), min(high.quantile(1.0 - tail), 1.0)


def strict_lower_limit(strata: tuple[Stratum, ...], *, tail: float, cells: int = CELLS) -> float:
    """Lower one of the strict limits alone; ``cells`` as in :func:`mixed_by_size`."""
    sizes = _sizes(strata, "superpopulation")
    rates = _rates(strata, "lower", "superpopulation")
    return max(mixed_by_size(rates, sizes, cells=cells).quantile(tail), 0.0)


def _exact_share(
    strata: tuple[Stratum, ...], middle: Sequence[Distribution], population: Population
) -> float:
    """Give the share of the exact distribution in the limits for reports, from one half to `EXACT`.

    ``middle`` are the mid-p distributions of the strata's rates.
    """
    sizes = np.array(_sizes(strata, population))
    shares = sizes / sizes.sum()
    spread = shares**2 * np.array([_variance(one) for one in middle])
    widest = int(np.argmax(spread))
    if strata[widest].labels == 0.0:
        return 0.5
    rest = float(spread.sum() - spread[widest])
    if population == "superpopulation":
        rates = np.array([(one.passes + PRIOR) / (one.labels + 2.0 * PRIOR) for one in strata])
        rest += float(shares @ (rates - shares @ rates) ** 2) / float(sizes.sum())
    step = float(shares[widest]) / strata[widest].labels
    left = np.exp(-4.0 * np.pi**2 * rest / step**2)
    return exact_share(np.array([left]), np.array([np.sqrt(rest + spread[widest]) / step]))


def _variance(rate: Distribution) -> float:
    mean, square = moments(rate)
    return max(square - mean**2, 0.0)


def _rates(
    strata: tuple[Stratum, ...], form: Form | float, population: Population
) -> list[Distribution]:
    if population == "superpopulation":
        return [rate_distribution(one.passes, one.labels, form) for one in strata]
    return [
        finite_rate_distribution(
            one.passes, one.labels, form, items=one.items, labelled=one.labelled
        )
        for one in strata
    ]


def _melded(
    rates: Sequence[Distribution], sizes: Sequence[float], population: Population
) -> Lattice:
    return (weighted_mean if population == "finite" else mixed_by_size)(rates, sizes)


def _sizes(strata: tuple[Stratum, ...], population: Population) -> Sequence[float]:
    """Give what each stratum counts for: its items, or the parameters of their shares."""
    if population == "finite":
        return [float(one.items) for one in strata]
    return [one.size + PRIOR for one in strata]


def labels_alone(
    labelled: Labelled, *, tail: float, population: Population = "superpopulation"
) -> Interval:
    """Bound the rate by the labels without the judge; items that none covers count both ways.

    Clopper and Pearson's interval where the labels were drawn at about one rate, else melded
    limits over the rates at which they were drawn.
    """
    alone = labelled.alone()
    classes = alone.class_masks
    if population == "superpopulation" and len(classes) == 1:
        one = _stratum(alone, classes[0], "")
        inside = clopper_pearson(one.passes, one.labels, tail=tail)
        known = float(alone.covered.mean())
        return Interval(known * inside.low, known * inside.high + 1.0 - known)
    strata = [_stratum(alone, one, "") for one in classes]
    if not alone.covered.all():
        strata.append(_stratum(alone, ~alone.covered, ""))
    low, high = melded_limits(tuple(strata), tail=tail, strict=True, population=population)
    return Interval(low, high)


def counts_of(strata: tuple[Stratum, ...]) -> tuple[StratumCount, ...]:
    """Write down what an interval was computed from."""
    return tuple(
        StratumCount(
            name=one.name,
            items=one.items,
            labels=one.labelled,
            mean=one.passes / one.labels if one.labels > 0.0 else None,
            effective_items=one.size,
            effective_labels=one.labels,
        )
        for one in strata
    )


def _stratum(labelled: Labelled, among: BoolArray, name: str) -> Stratum:
    labels = labelled.effective_labels(among)
    here = among & labelled.used
    weight = labelled.weight[here]
    rate = float(labelled.human[here] @ weight / weight.sum()) if labels > 0.0 else 0.0
    return Stratum(
        size=float(among.sum()) / labelled.effects.items,
        passes=min(rate, 1.0) * labels,
        labels=labels,
        name=name,
        items=int(among.sum()),
        labelled=int(here.sum()),
    )
