"""The proof: old and new judge on the sealed part, once, at the same time, prompt by prompt.

The gain is the mean, over labelled responses, of the new score minus the old, where a score is the
nearness of a verdict to the experts' level (1 the same level, 0 the other end of the scale).
Prompts are the unit that was drawn, so a prompt's responses count as one value with their number as
weight. n responses with both verdicts and a label, G prompts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from calibration.drift import holm
from calibration.intervals import mean_interval
from calibration.validation import FloatArray, IntArray
from judge.improve.cases import Case
from judge.improve.evaluation import (
    Judged,
    agreement_scores,
    labels_of,
    levels_of,
    scale_ends,
)
from judge.records import Record
from rubrics.rubric import Rubric

Verdict = Literal["BETTER", "NOT SHOWN", "WORSE"]

RESAMPLES = 500
"""Bootstrap samples of prompts for the change in width."""
_STEPS = 24
_WIDTH_SEED = 20260101


class Spread(Record):
    """A value with its interval; fractions unless said otherwise."""

    value: float
    low: float
    high: float


class CriterionProof(Record):
    """What the sealed labels say of one criterion."""

    criterion: str
    verdict: Verdict
    n: int
    """Responses with a label and a verdict of both."""
    prompts: int
    missing_before: int
    """Labelled responses without a verdict of the old judge; in no average."""
    missing_after: int
    agreement_before: float
    agreement_after: float
    gain: Spread
    """New minus old, on the n responses."""
    gain_if_missing: Spread
    """The gain if every missing verdict spoke against the new judge (low), and for it (high)."""
    p_value: float
    """Two-sided, of no gain."""
    adjusted_p: float
    """By Holm (1979) over the criteria."""
    select_gain: float | None
    """The same gain on the select part, where the candidate was chosen."""
    shrinkage: float | None
    """Select gain minus proof gain: what choosing the best of several made of noise."""
    width_before: float | None
    """Expected width of the corrected score's interval, in the unit of the scale."""
    width_after: float | None
    width_change: Spread | None
    """Width after over width before, minus 1; negative is narrower."""


class Moved(Record):
    """A response on which the two judges part."""

    id: str
    system: str
    sample: int
    criterion: str
    experts: float
    before: int | None
    after: int | None
    better: bool
    """Whether the new verdict is nearer to the experts' level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """What two judges said of the same cases.

    Attributes
    ----------
    cases : sequence of Case
    before, after : sequence of Judged
        Of the old and the new judge, in the order of the cases.
    rubric : Rubric
        For the scales.
    """

    cases: Sequence[Case]
    before: Sequence[Judged]
    after: Sequence[Judged]
    rubric: Rubric

    def scores(self, criterion: str) -> tuple[FloatArray, FloatArray]:
        """Score both on a criterion, shape (cases,) each; NaN where missing."""
        labels, ends = self.labels(criterion), scale_ends(self.rubric, criterion)
        return (
            agreement_scores(levels_of(self.before, criterion), labels, ends),
            agreement_scores(levels_of(self.after, criterion), labels, ends),
        )

    def labels(self, criterion: str) -> FloatArray:
        """Give the experts' levels, shape (cases,); NaN where there is none."""
        return labels_of(self.cases, criterion)

    @property
    def prompts(self) -> IntArray:
        """Number the prompt of each case, shape (cases,)."""
        names = np.array([case.cluster for case in self.cases])
        return np.unique(names, return_inverse=True)[1].astype(np.intp)


def prove(
    pairing: Pairing, criteria: Sequence[str], *, alpha: float, n_judged: int
) -> tuple[CriterionProof, ...]:
    """Estimate the gain of each criterion and say what is shown.

    Parameters
    ----------
    pairing : Pairing
        Of the proof part.
    criteria : sequence of str
    alpha : float
        Two-sided error of this look, over all criteria.
    n_judged : int
        Responses of the run, for the width of a corrected score's interval.

    Returns
    -------
    tuple of CriterionProof
        One for each criterion of which both judges scored at least two prompts; BETTER where the
        gain is above 0 at the adjusted level and missing verdicts could not undo it.

    References
    ----------
    Gaffke (2005) for the interval of a bounded mean; Holm (1979), Scand. J. Statist. 6, 65-70.
    """
    found = [_criterion(pairing, name, alpha=alpha, n_judged=n_judged) for name in criteria]
    known = [each for each in found if each is not None]
    adjusted = holm([each.p_value for each in known]) if known else []
    return tuple(
        each.model_copy(update={"adjusted_p": p, "verdict": _verdict(each, p, alpha)})
        for each, p in zip(known, adjusted, strict=True)
    )


def overall(proofs: Sequence[CriterionProof]) -> Verdict:
    """Decide: worse on any criterion is WORSE, better on one and worse on none is BETTER."""
    verdicts = {each.verdict for each in proofs}
    if "WORSE" in verdicts:
        return "WORSE"
    return "BETTER" if "BETTER" in verdicts else "NOT SHOWN"


def with_selection(
    proofs: Sequence[CriterionProof], gains: Mapping[str, float | None]
) -> tuple[CriterionProof, ...]:
    """Put the select part's gain beside the proof's."""
    return tuple(
        each.model_copy(
            update={
                "select_gain": (gain := gains.get(each.criterion)),
                "shrinkage": None if gain is None else gain - each.gain.value,
            }
        )
        for each in proofs
    )


def plain_gains(pairing: Pairing, criteria: Sequence[str]) -> dict[str, float | None]:
    """Give the gain of each criterion without an interval; None where no case is scored by both."""
    found: dict[str, float | None] = {}
    for name in criteria:
        old, new = pairing.scores(name)
        both = ~np.isnan(old) & ~np.isnan(new)
        found[name] = float((new - old)[both].mean()) if both.any() else None
    return found


def moved(pairing: Pairing, criteria: Sequence[str]) -> tuple[Moved, ...]:
    """List the responses on which old and new part, those that went wrong first."""
    rows = zip(pairing.cases, pairing.before, pairing.after, strict=True)
    found = [
        _moved(case, name, was=old.levels.get(name), now=new.levels.get(name))
        for case, old, new in rows
        for name in criteria
        if name in case.labels and old.levels.get(name) != new.levels.get(name)
    ]
    return tuple(sorted(found, key=lambda each: each.better))


def _moved(case: Case, name: str, *, was: int | None, now: int | None) -> Moved:
    label = case.labels[name]
    return Moved(
        id=case.generation.id,
        system=case.generation.system,
        sample=case.generation.sample,
        criterion=name,
        experts=label,
        before=was,
        after=now,
        better=now is not None and (was is None or abs(now - label) < abs(was - label)),
    )


def _criterion(
    pairing: Pairing, name: str, *, alpha: float, n_judged: int
) -> CriterionProof | None:
    old, new = pairing.scores(name)
    labels, prompts = pairing.labels(name), pairing.prompts
    labelled = ~np.isnan(labels)
    both = ~np.isnan(old) & ~np.isnan(new)
    if np.unique(prompts[both]).size < 2:
        return None
    values, weights = prompt_means((new - old)[both], prompts[both])
    widths = _widths(pairing, name, n_judged)
    return CriterionProof(
        criterion=name,
        verdict="NOT SHOWN",
        n=int(both.sum()),
        prompts=values.size,
        missing_before=int((labelled & np.isnan(old)).sum()),
        missing_after=int((labelled & np.isnan(new)).sum()),
        agreement_before=float(old[both].mean()),
        agreement_after=float(new[both].mean()),
        gain=gain_interval(values, weights, tail=alpha / 2.0),
        gain_if_missing=_bounds(old[labelled], new[labelled]),
        p_value=p_value(values, weights),
        adjusted_p=1.0,
        select_gain=None,
        shrinkage=None,
        width_before=widths[0] if widths else None,
        width_after=widths[1] if widths else None,
        width_change=widths[2] if widths else None,
    )


def prompt_means(differences: FloatArray, clusters: IntArray) -> tuple[FloatArray, FloatArray]:
    """Average the differences of each prompt.

    Parameters
    ----------
    differences : float array, shape (n,)
    clusters : int array, shape (n,)

    Returns
    -------
    values : float array, shape (G,)
    weights : float array, shape (G,)
        Number of responses, scaled to sum to the effective number of prompts (Kish 1965):
        (sum m)^2 / sum m^2; all 1 where each prompt has as many.
    """
    index = np.unique(clusters, return_inverse=True)[1]
    sizes = np.bincount(index).astype(np.float64)
    values = np.bincount(index, weights=differences) / sizes
    return values, sizes * float(sizes.sum()) / float((sizes**2).sum())


def gain_interval(values: FloatArray, weights: FloatArray, *, tail: float) -> Spread:
    """Give the mean of prompts' differences, each in [-1, 1], with its interval."""
    interval = mean_interval(values, weights, (-1.0, 1.0), tail=tail)
    mean = float(values @ weights / weights.sum())
    return Spread(value=mean, low=min(interval.low, mean), high=max(interval.high, mean))


def p_value(values: FloatArray, weights: FloatArray) -> float:
    """Find the two-sided p-value of no gain by inverting the interval; 1 where there is none."""
    mean = float(values @ weights)
    if mean == 0.0:
        return 1.0

    def excluded(tail: float) -> bool:
        interval = mean_interval(values, weights, (-1.0, 1.0), tail=tail)
        return interval.low > 0.0 if mean > 0.0 else interval.high < 0.0

    low, high = 1e-7, 0.4999
    if not excluded(high):
        return 1.0
    if excluded(low):
        return 2.0 * low
    for _ in range(_STEPS):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if excluded(middle) else (middle, high)
    return 2.0 * high


def _bounds(old: FloatArray, new: FloatArray) -> Spread:
    """Bound the gain over all labelled responses, missing verdicts as bad and as good as can be."""
    both = ~np.isnan(old) & ~np.isnan(new)
    neither = np.isnan(old) & np.isnan(new)
    worst = np.where(np.isnan(new), 0.0, new) - np.where(np.isnan(old), 1.0, old)
    best = np.where(np.isnan(new), 1.0, new) - np.where(np.isnan(old), 0.0, old)
    # What neither judged tells them apart in no way.
    worst, best = np.where(neither, 0.0, worst), np.where(neither, 0.0, best)
    return Spread(
        value=float((new - old)[both].mean()), low=float(worst.mean()), high=float(best.mean())
    )


def _verdict(proof: CriterionProof, adjusted_p: float, alpha: float) -> Verdict:
    if adjusted_p >= alpha:
        return "NOT SHOWN"
    if proof.gain.value < 0.0:
        return "WORSE"
    return "BETTER" if proof.gain_if_missing.low > 0.0 else "NOT SHOWN"


def _widths(pairing: Pairing, criterion: str, n_judged: int) -> tuple[float, float, Spread] | None:
    """Compare how wide the corrected score's interval would be, with a bootstrap over prompts."""
    labels = pairing.labels(criterion)
    used = ~np.isnan(labels)
    sides = (pairing.before, pairing.after)
    said = [_codes(levels_of(side, criterion)[used]) for side in sides]
    truth, places = labels[used], pairing.prompts[used]
    whole = np.ones(truth.size)
    old, new = (_width(truth, codes, whole, n_judged=n_judged) for codes in said)
    if not old or not new:
        return None
    rng = np.random.default_rng(_WIDTH_SEED)
    names, index = np.unique(places, return_inverse=True)
    ratios: list[float] = []
    for _ in range(RESAMPLES):
        drawn = np.bincount(rng.integers(0, names.size, names.size), minlength=names.size)
        weights = drawn[index].astype(np.float64)
        first, second = (_width(truth, codes, weights, n_judged=n_judged) for codes in said)
        if first and second:
            ratios.append(second / first - 1.0)
    if not ratios:
        return None
    change = new / old - 1.0
    low, high = (float(end) for end in np.quantile(ratios, [0.025, 0.975]))
    return old, new, Spread(value=change, low=min(low, change), high=max(high, change))


def _codes(verdicts: FloatArray) -> IntArray:
    """Give each level a number; a missing verdict is a class of its own."""
    filled = np.where(np.isnan(verdicts), np.inf, verdicts)
    return np.unique(filled, return_inverse=True)[1].astype(np.intp)


def _width(
    labels: FloatArray, codes: IntArray, weights: FloatArray, *, n_judged: int
) -> float | None:
    """Width of the 95 % interval of a mean that is post-stratified by the judge's verdict.

    Variance: within-verdict variance / n + between-verdict variance / N (Cochran 1977, section
    5A.9); N responses are judged, n of them labelled.
    """
    n = float(weights.sum())
    sizes = np.bincount(codes, weights=weights)
    filled = sizes > 0.0
    spare = n - int(filled.sum())
    if spare <= 0.0:
        return None
    means = np.bincount(codes, weights=weights * labels)[filled] / sizes[filled]
    squares = float(weights @ labels**2)
    between = float(sizes[filled] @ means**2)
    within = max(squares - between, 0.0) / spare
    overall_mean = float(weights @ labels) / n
    across = max(between / n - overall_mean**2, 0.0)
    return 2.0 * 1.96 * float(np.sqrt(within / n + across / max(n_judged, n)))
