"""Selective judging: which verdicts may stand without an expert, with a promise on their errors.

Verdicts are ordered by certainty, such as the probability of the level that the judge chose. Cuts
are fixed beforehand at equal shares of the judged items. For each cut the hypothesis is that more
than the risk of the verdicts above it are wrong; a cut is proven when the labels reject that. The
cuts are tested from the most certain verdicts down by the fallback procedure, so that the chance
that any cut proven wrongly is at most one minus the confidence, whatever the judge.

The promise is on the judged items themselves: labels are a random draw from them, so the number of
errors among labels is hypergeometric. For items to come, such as those of a cascade, it is
binomial. Of a group ``K`` verdicts lie above a cut and ``m`` of them are labelled, ``x`` wrong.

References
----------
Angelopoulos, Bates, Candes, Jordan and Lei (2021), Learn then Test, arXiv 2110.01052. Wiens (2003),
Pharmaceutical Statistics 2(3), 211-215, the fallback procedure. Bates et al. (2021), Journal of the
ACM 68(6), risk-controlling prediction sets. Geifman and El-Yaniv (2017), NeurIPS.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import InsufficientLabels, counted
from calibration.validation import BoolArray, FloatArray, as_vector, check_share, pair_up

Target: TypeAlias = Literal["these items", "items to come"]

EVERYTHING = "all"
CUTS = 20
"""Cuts tried: the surest twentieth of the verdicts, the surest tenth ... all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenCut:
    """A certainty from which verdicts may stand.

    Attributes
    ----------
    cut : float
        Least certainty.
    kept, judged : int
        Verdicts at or above it, and all verdicts of the group.
    labels, errors : int
        Labels among the kept verdicts, and how many of those disagree with the verdict.
    bound : float
        Share of wrong verdicts among the kept that is not exceeded, at the confidence at which the
        cut was tested, were it the only one; at most the risk.
    """

    cut: float
    kept: int
    judged: int
    labels: int
    errors: int
    bound: float

    @property
    def kept_share(self) -> float:
        """Share of the group's verdicts that may stand."""
        return self.kept / self.judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """Which verdicts may stand, by group, and what is promised of them.

    Attributes
    ----------
    cuts : mapping of str to ProvenCut
        By group; ``"all"`` where no groups were given.
    refused : mapping of str to str
        Groups of which no verdict may stand, with the reason.
    risk : float
        Largest share of wrong verdicts among those that stand.
    confidence : float
        Of the promise, for all groups at once.
    target : {"these items", "items to come"}
    """

    cuts: Mapping[str, ProvenCut]
    refused: Mapping[str, str]
    risk: float
    confidence: float
    target: Target

    def stands(
        self,
        verdict: npt.ArrayLike,
        certainty: npt.ArrayLike,
        groups: Sequence[str] | None = None,
    ) -> BoolArray:
        """Mark the verdicts that may stand without an expert.

        Parameters
        ----------
        verdict, certainty : float array, shape (N,)
            NaN where there is none.
        groups : sequence of str, length N, optional

        Returns
        -------
        bool array, shape (N,)
        """
        sure = as_vector("certainty", certainty)
        names = [EVERYTHING] * sure.size if groups is None else groups
        cuts = np.array([self.cuts[n].cut if n in self.cuts else np.inf for n in names])
        return ~np.isnan(as_vector("verdict", verdict)) & (sure >= cuts)


def plan_triage(
    verdict: npt.ArrayLike,
    human: npt.ArrayLike,
    certainty: npt.ArrayLike,
    *,
    risk: float,
    groups: Sequence[str] | None = None,
    target: Target = "these items",
    confidence: float = 0.95,
) -> Triage:
    """Choose the verdicts that stand: as many as the labels allow.

    Parameters
    ----------
    verdict, human : float array, shape (N,)
        On one scale, NaN where missing; the labelled items drawn at random within each group.
    certainty : float array, shape (N,)
        Higher is surer; NaN counts as not sure at all.
    risk : float
        Largest share of verdicts that stand and differ from the expert's.
    groups : sequence of str, length N, optional
        The promise then holds inside each group, for all groups at once.
    target : {"these items", "items to come"}
        Whose errors are bounded: those of the N items, or of further items of the same kind.
    confidence : float

    Returns
    -------
    Triage

    Raises
    ------
    ValueError
        If the arrays do not align, or risk or confidence is no fraction.
    InsufficientLabels
        If no group has a proven cut.
    Undefined
        If no item has both a verdict and a label.

    Examples
    --------
    >>> sure = np.linspace(0.5, 1.0, 400)
    >>> verdict = np.ones(400)
    >>> human = np.where(np.arange(400) % 2 == 0, 1.0, np.nan)
    >>> human[:120] = np.where(np.arange(120) % 4 == 0, 0.0, human[:120])
    >>> triage = plan_triage(verdict, human, sure, risk=0.05)
    >>> triage.cuts["all"].kept_share, triage.cuts["all"].errors
    (0.7, 0)
    """
    check_share("risk", risk)
    alpha = 1.0 - check_share("confidence", confidence)
    pairs = pair_up(verdict, human)
    sure = as_vector("certainty", certainty)
    names = np.array([EVERYTHING] * sure.size if groups is None else list(groups), dtype=np.str_)
    if not sure.shape == names.shape == pairs.both.shape:
        raise ValueError("certainty and groups must have one entry for each item.")
    wrong = np.full(sure.size, np.nan)
    wrong[pairs.both] = pairs.judge != pairs.human
    judged = ~np.isnan(as_vector("verdict", verdict))
    parts = {
        name: (np.where(np.isnan(sure), -np.inf, sure)[here], wrong[here])
        for name in np.unique(names[judged]).tolist()
        for here in (judged & (names == name),)
    }
    needed = least_labels(risk, alpha)
    able = [name for name, (_, errors) in parts.items() if (~np.isnan(errors)).sum() >= needed]
    share = alpha / max(len(able), 1)
    return _triage(parts, risk=risk, share=share, target=target, confidence=confidence)


def least_labels(risk: float, alpha: float) -> int:
    """Count the labels without any error that prove a cut.

    Parameters
    ----------
    risk : float
        Fraction.
    alpha : float
        Level of the test, a fraction.

    Examples
    --------
    >>> least_labels(0.05, 0.05)
    59
    """
    return math.ceil(math.log(alpha) / math.log1p(-risk) - 1e-9)


def _triage(
    parts: Mapping[str, tuple[FloatArray, FloatArray]],
    *,
    risk: float,
    share: float,
    target: Target,
    confidence: float,
) -> Triage:
    cuts: dict[str, ProvenCut] = {}
    refused: dict[str, str] = {}
    for name, (sure, wrong) in parts.items():
        labels = int((~np.isnan(wrong)).sum())
        needed = least_labels(risk, share)
        if labels < needed:
            refused[name] = (
                f"{counted(labels, 'label')} where {needed} without an error are needed."
            )
            continue
        proven = _loosest(_candidates(sure, wrong), share, risk=risk, target=target)
        if proven is None:
            refused[name] = (
                f"no cut is proven to keep errors at {risk:.1%}: too many labels differ."
            )
        else:
            cuts[name] = proven
    if not cuts:
        raise InsufficientLabels(" ".join(f"{name}: {why}" for name, why in refused.items()))
    return Triage(
        cuts=MappingProxyType(cuts),
        refused=MappingProxyType(refused),
        risk=risk,
        confidence=confidence,
        target=target,
    )


@dataclass(frozen=True, slots=True)
class _Candidate:
    cut: float
    kept: int
    judged: int
    labels: int
    errors: int


def _candidates(sure: FloatArray, wrong: FloatArray) -> list[_Candidate]:
    """Give the cuts from the surest share down; the labels have no part in where they lie."""
    ordered = np.sort(sure)[::-1]
    places = [math.ceil(sure.size * step / CUTS) - 1 for step in range(1, CUTS + 1)]
    cuts = dict.fromkeys(float(ordered[place]) for place in places)
    found: list[_Candidate] = []
    for cut in cuts:
        kept = sure >= cut
        labelled = wrong[kept & ~np.isnan(wrong)]
        found.append(
            _Candidate(
                cut=cut,
                kept=int(kept.sum()),
                judged=sure.size,
                labels=int(labelled.size),
                errors=int(labelled.sum()),
            )
        )
    return [candidate for candidate in found if candidate.cut > -np.inf]


def _loosest(
    candidates: list[_Candidate], share: float, *, risk: float, target: Target
) -> ProvenCut | None:
    """Give the last cut that is proven, of those that have labels enough to be."""
    able = [one for one in candidates if one.labels >= least_labels(risk, share / 2.0)]
    values = [error_p_value(one, risk=risk, target=target) for one in able]
    proven = [
        (one, level)
        for one, level in zip(able, proven_levels(values, share), strict=True)
        if level is not None
    ]
    if not proven:
        return None
    candidate, level = proven[-1]
    return ProvenCut(
        cut=candidate.cut,
        kept=candidate.kept,
        judged=candidate.judged,
        labels=candidate.labels,
        errors=candidate.errors,
        bound=_bound(candidate, level, target),
    )


def proven_levels(p_values: Sequence[float], alpha: float) -> list[float | None]:
    """Test an ordered family of hypotheses by the fallback procedure.

    Half of the level starts at the first; what is proven hands its level on to the next. The other
    half is spread over all, so that one unlucky label at the start does not end the matter. The
    chance that any hypothesis is rejected wrongly is at most ``alpha``.

    Parameters
    ----------
    p_values : sequence of float
        In an order fixed without the labels.
    alpha : float
        Level, a fraction.

    Returns
    -------
    list of float or None
        The level at which each was rejected; None where it was not.

    Examples
    --------
    >>> proven_levels([0.01, 0.2, 0.01], 0.06)
    [0.04, None, 0.01]
    """
    levels: list[float | None] = []
    carried = alpha / 2.0
    for value in p_values:
        level = carried + alpha / 2.0 / len(p_values)
        carried = level if value <= level else 0.0
        levels.append(level if value <= level else None)
    return levels


def error_p_value(candidate: "_Candidate | ProvenCut", *, risk: float, target: Target) -> float:
    """Test the hypothesis that more than the risk of the kept verdicts are wrong.

    Returns
    -------
    float
        Probability of so few errors among the labels if it were true.
    """
    if target == "items to come":
        return binomial_p_value(candidate.errors, candidate.labels, risk)
    return _hypergeometric(candidate, math.floor(risk * candidate.kept + 1e-9) + 1)


def binomial_p_value(errors: int, labels: int, risk: float) -> float:
    """Give the probability of at most so many errors where the risk of each is as given."""
    return float(special.bdtr(float(errors), labels, risk))


def _hypergeometric(candidate: "_Candidate | ProvenCut", wrong: int) -> float:
    """Probability of at most so many errors among the labels, of ``wrong`` among all kept."""
    kept, drawn = candidate.kept, candidate.labels
    if wrong > kept:
        return 0.0
    # C(wrong, x) C(kept - wrong, drawn - x) / C(kept, drawn), summed over the errors x.
    x = np.arange(max(0, drawn - (kept - wrong)), min(candidate.errors, wrong, drawn) + 1.0)
    if not x.size:
        return 0.0
    logs = _log_choose(wrong, x) + _log_choose(kept - wrong, drawn - x)
    return min(float(np.exp(logs - _log_choose(kept, float(drawn))).sum()), 1.0)


def _log_choose(n: int, k: npt.ArrayLike) -> FloatArray:
    of = np.asarray(k, dtype=np.float64)
    whole = special.gammaln(n + 1.0) - special.gammaln(of + 1.0) - special.gammaln(n - of + 1.0)
    return np.asarray(whole, dtype=np.float64)


def _bound(candidate: _Candidate, level: float, target: Target) -> float:
    """Largest share of wrong verdicts that the labels do not reject at the level."""
    x, m = candidate.errors, candidate.labels
    if target == "items to come":
        return float(special.betaincinv(x + 1.0, m - x, 1.0 - level)) if x < m else 1.0
    low, high = x, candidate.kept
    while low < high:
        middle = (low + high + 1) // 2
        if _hypergeometric(candidate, middle) > level:
            low = middle
        else:
            high = middle - 1
    return low / candidate.kept
