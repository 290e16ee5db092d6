"""A cascade: a cheap judge first, a dear judge where it is not sure, an expert where neither is.

The cascade is a judge of its own: its verdict is that of the tier that decided. A setting is two
cuts, one on the certainty of each judge. Two families of settings are fixed without labels and each
is tested in order for errors above the risk among all verdicts that stand without an expert: the
first has no expert tier and lets the cheap judge decide more and more, the second trusts the cheap
judge where by its own probability it errs at most at the risk, and lets the dear judge decide more
and more of the rest. Of all settings that are proven, the cheapest is taken.

Only labelled items need a verdict of the dear judge. ``n`` items have a label and a verdict of the
cheap judge; they are a random draw from the items to be judged. Costs are in one currency, an item.

References
----------
Angelopoulos et al. (2021), Learn then Test, arXiv 2110.01052. Jung, Brahman and Choi (2024), Trust
or Escalate, arXiv 2407.18370, cascades of judges with a guarantee of agreement.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import InsufficientLabels, counted
from calibration.selective import CUTS, binomial_p_value, least_labels, proven_levels
from calibration.validation import BoolArray, FloatArray, as_vector, check_share

POWER = 0.8
MOST_LABELS = 20_000


@dataclass(frozen=True, slots=True)
class Tier:
    """What one judge says of the items.

    Attributes
    ----------
    verdict, certainty : float array, shape (N,)
        NaN where there is none.
    cost : float
        Of one verdict.
    """

    verdict: npt.ArrayLike
    certainty: npt.ArrayLike
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadeSetting:
    """Two cuts, and what the labels say of them.

    Attributes
    ----------
    cheap_cut, dear_cut : float
        Least certainty with which each decides; minus infinity for always, infinity for never.
    cheap_share, dear_share, expert_share : float
        Shares of the items that each tier decides; they sum to 1.
    labels, errors : int
        Labelled items that a judge decides, and how many of those differ from the expert.
    bound : float
        Share of errors among verdicts that stand that is not exceeded, at the confidence.
    cost : float
        Expected, an item.
    """

    cheap_cut: float
    dear_cut: float
    cheap_share: float
    dear_share: float
    expert_share: float
    labels: int
    errors: int
    bound: float
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadePlan:
    """The cheapest proven setting of a cascade, and what it is compared with.

    Attributes
    ----------
    setting : CascadeSetting
    risk, confidence : float
    proven : int
        Settings that were proven.
    tried : int
        Settings that were tested.
    dear_alone : float
        Cost an item of asking the dear judge alone.
    """

    setting: CascadeSetting
    risk: float
    confidence: float
    proven: int
    tried: int
    dear_alone: float


def plan_cascade(
    cheap: Tier,
    dear: Tier,
    human: npt.ArrayLike,
    *,
    risk: float,
    expert_cost: float,
    confidence: float = 0.95,
) -> CascadePlan:
    """Choose the cuts of a cascade with a promise on its errors.

    Parameters
    ----------
    cheap, dear : Tier
    human : float array, shape (N,)
        NaN where there is no label; labelled items drawn at random.
    risk : float
        Largest share of verdicts that stand without an expert and differ from the expert's.
    expert_cost : float
        Of one label.
    confidence : float
        Of the promise, over further items of the same kind.

    Returns
    -------
    CascadePlan

    Raises
    ------
    ValueError
        If the arrays do not align.
    InsufficientLabels
        If no setting is proven; the message says how many labels the best one would need.
    """
    check_share("risk", risk)
    alpha = 1.0 - check_share("confidence", confidence)
    items = _read(cheap, dear, human)
    families = (_without_experts(items), _with_experts(items, 1.0 - risk))
    proven: list[CascadeSetting] = []
    tried: list[_Counts] = []
    for family in families:
        counted = [_count(items, cuts) for cuts in family]
        able = [one for one in counted if one.labels >= least_labels(risk, alpha / 4.0)]
        tried.extend(able)
        values = [binomial_p_value(one.errors, one.labels, risk) for one in able]
        for one, level in zip(able, proven_levels(values, alpha / 2.0), strict=True):
            if level is not None:
                proven.append(_setting(one, level, (cheap.cost, dear.cost, expert_cost)))
    if not proven:
        raise InsufficientLabels(_nothing_proven(tried, risk, alpha, labels=items.human.size))
    return CascadePlan(
        setting=min(proven, key=lambda one: one.cost),
        risk=risk,
        confidence=confidence,
        proven=len(proven),
        tried=len(tried),
        dear_alone=dear.cost,
    )


def labels_to_prove(error: float, risk: float, *, alpha: float = 0.05) -> int | None:
    """Plan the labels that prove an error under the risk, four times of five.

    Parameters
    ----------
    error : float
        What the error is taken to be, a fraction.
    risk : float
        What it is to be proven under.
    alpha : float
        Level of the test.

    Returns
    -------
    int or None
        None where more than 20,000 would be needed.

    Examples
    --------
    >>> labels_to_prove(0.01, 0.05)
    125
    """
    if error >= risk:
        return None
    labels = least_labels(risk, alpha)
    while labels <= MOST_LABELS:
        most = _most_errors(labels, risk, alpha)
        if most >= 0 and float(special.bdtr(float(most), labels, error)) >= POWER:
            return labels
        labels = math.ceil(labels * 1.02)
    return None


def _most_errors(labels: int, risk: float, alpha: float) -> int:
    """Count the errors with which the test still rejects; -1 where none is."""
    counts = np.arange(labels + 1, dtype=np.float64)
    return int(np.sum(special.bdtr(counts, labels, risk) <= alpha)) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Items:
    """Labelled items with a verdict of the cheap judge, and the certainties of all items."""

    cheap_sure: FloatArray
    dear_sure: FloatArray
    cheap_wrong: BoolArray
    dear_wrong: BoolArray
    human: FloatArray
    all_cheap_sure: FloatArray


Cuts = tuple[float, float]


def _read(cheap: Tier, dear: Tier, human: npt.ArrayLike) -> _Items:
    labels = as_vector("human", human)
    parts = [
        as_vector(name, values)
        for name, values in (
            ("verdict of the cheap judge", cheap.verdict),
            ("certainty of the cheap judge", cheap.certainty),
            ("verdict of the dear judge", dear.verdict),
            ("certainty of the dear judge", dear.certainty),
        )
    ]
    if any(part.shape != labels.shape for part in parts):
        raise ValueError("verdicts, certainties and labels must have one entry for each item.")
    first, first_sure, second, second_sure = parts
    judged, used = ~np.isnan(first), ~np.isnan(first) & ~np.isnan(labels)
    sure = np.where(np.isnan(first_sure), -np.inf, first_sure)
    return _Items(
        cheap_sure=sure[used],
        # Where the dear judge gave no verdict only an expert can decide.
        dear_sure=np.where(np.isnan(second) | np.isnan(second_sure), np.nan, second_sure)[used],
        cheap_wrong=(first != labels)[used],
        dear_wrong=(second != labels)[used],
        human=labels[used],
        all_cheap_sure=sure[judged],
    )


def _quantile_cuts(values: FloatArray) -> list[float]:
    ordered = np.sort(values)[::-1]
    places = [math.ceil(values.size * step / CUTS) - 1 for step in range(1, CUTS + 1)]
    return list(dict.fromkeys(float(ordered[place]) for place in places))


def _without_experts(items: _Items) -> list[Cuts]:
    return [(cut, -math.inf) for cut in (math.inf, *_quantile_cuts(items.all_cheap_sure))]


def _with_experts(items: _Items, stated: float) -> list[Cuts]:
    known = items.dear_sure[~np.isnan(items.dear_sure)]
    cuts = _quantile_cuts(known) if known.size else []
    return [(stated, cut) for cut in (math.inf, *cuts)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    cuts: Cuts
    shares: tuple[float, float, float]
    labels: int
    errors: int


def _count(items: _Items, cuts: Cuts) -> _Counts:
    cheap = items.cheap_sure >= cuts[0]
    dear = ~cheap & (items.dear_sure >= cuts[1])
    n = items.human.size
    by_cheap = float((items.all_cheap_sure >= cuts[0]).mean())
    # Only labelled items need a verdict of the dear judge, so its share is counted among those.
    rest = max(n - int(cheap.sum()), 1)
    by_dear = (1.0 - by_cheap) * float(dear.sum()) / rest
    return _Counts(
        cuts=cuts,
        shares=(by_cheap, by_dear, max(1.0 - by_cheap - by_dear, 0.0)),
        labels=int((cheap | dear).sum()),
        errors=int((items.cheap_wrong & cheap).sum() + (items.dear_wrong & dear).sum()),
    )


def _setting(one: _Counts, level: float, costs: tuple[float, float, float]) -> CascadeSetting:
    by_cheap, by_dear, by_expert = one.shares
    never = math.isinf(one.cuts[0]) and one.cuts[0] > 0.0
    escalated = 0.0 if one.cuts[1] == math.inf else by_dear + by_expert
    bound = special.betaincinv(one.errors + 1.0, one.labels - one.errors, 1.0 - level)
    return CascadeSetting(
        cheap_cut=one.cuts[0],
        dear_cut=one.cuts[1],
        cheap_share=by_cheap,
        dear_share=by_dear,
        expert_share=by_expert,
        labels=one.labels,
        errors=one.errors,
        bound=float(bound),
        cost=(0.0 if never else costs[0]) + escalated * costs[1] + by_expert * costs[2],
    )


def _nothing_proven(tried: Sequence[_Counts], risk: float, alpha: float, *, labels: int) -> str:
    if not tried:
        needed = least_labels(risk, alpha / 4.0)
        return (
            f"{counted(labels, 'label')}; at least {needed} are needed to prove a risk of "
            f"{risk:.1%}."
        )
    best = min(tried, key=lambda one: (one.errors + 1.0) / one.labels)
    error = best.errors / best.labels
    needed = labels_to_prove(error, risk, alpha=alpha / 4.0)
    wish = "no number of labels would" if needed is None else f"about {needed} labels would"
    best = f"no setting is proven to keep errors at {risk:.1%}, the best seen is {error:.1%}"
    return f"{best}; {wish}."
