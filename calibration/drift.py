"""Drift between two versions of a judge that rated the same anchor items.

Anchors are items kept aside and rated by each version in turn. Flips need no expert; whether the
new version is better or worse needs the experts' labels of the anchors. ``b`` and ``c`` count the
discordant items of the two kinds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.estimate import Estimate, Undefined
from calibration.labelled_sample import read_labelled
from calibration.rater_agreement.drawn_accuracy import JudgeTable, difference_p, judge_table
from calibration.rater_agreement.nominal import share
from calibration.resampling import estimate_from_draws
from calibration.validation import (
    BoolArray,
    Design,
    FloatArray,
    as_vector,
    check_binary,
    check_codes,
    check_ratings,
    check_same_length,
    check_share,
)

FEW = 50
DRAWS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class McNemar:
    """McNemar's test of equal shares on the same items.

    Attributes
    ----------
    b, c : int
        Items on which only the first, or only the second, has the property.
    exact_p, mid_p : float
        Two-sided; the mid-p form holds its level well and is less timid.
    """

    b: int
    c: int
    exact_p: float
    mid_p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyDrift:
    """Whether the new version is nearer to the experts than the old one.

    Attributes
    ----------
    n : int
        Anchors with both verdicts and an expert label.
    agreement_change : Estimate
        New minus old share of verdicts equal to the expert's.
    correctness : McNemar
        `b` anchors only the old version got right, `c` only the new one.
    sensitivity_change, specificity_change : Estimate | None
        For labels of two values; None for others and where a class has no label.
    """

    n: int
    agreement_change: Estimate
    correctness: McNemar
    sensitivity_change: Estimate | None
    specificity_change: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What changed from the old judge to the new one.

    Attributes
    ----------
    n : int
        Anchors with a verdict of both versions.
    flip_rate : Estimate
        Share of anchors whose verdict changed.
    direction : McNemar
        `b` verdicts went down and `c` went up; a small p says that the new judge is more lenient
        or more severe, not only different.
    accuracy : AccuracyDrift | None
        None without expert labels.
    n_silenced : int
        Anchors that the old version rated and the new one did not.
    warnings : tuple of str
    """

    n: int
    flip_rate: Estimate
    direction: McNemar
    accuracy: AccuracyDrift | None
    n_silenced: int
    warnings: tuple[str, ...]


def measure_drift(
    old: npt.ArrayLike,
    new: npt.ArrayLike,
    human: npt.ArrayLike | None = None,
    *,
    positive: float = 1.0,
    confidence: float = 0.95,
    seed: int = 0,
) -> Drift:
    """Compare two versions of a judge on the same anchors.

    Parameters
    ----------
    old, new : float array, shape (N,)
        Verdicts on the same items, NaN where a version gave none.
    human : float array, shape (N,), optional
        Expert labels, NaN where there is none.
    positive : float
        The value that sensitivity speaks of.
    confidence : float
    seed : int
        Same seed, same digits.

    Returns
    -------
    Drift

    Raises
    ------
    ValueError
        If the arrays do not align or hold an infinite value.
    Undefined
        If no anchor has a verdict of both versions.
    """
    check_share("confidence", confidence)
    first, second = as_vector("old", old), as_vector("new", new)
    labels = np.full(first.shape, np.nan) if human is None else as_vector("human", human)
    if not first.shape == second.shape == labels.shape:
        raise ValueError(
            "old, new and human must be as long as each other; "
            f"got {first.size}, {second.size} and {labels.size}."
        )
    both = ~np.isnan(first) & ~np.isnan(second)
    if not both.any():
        raise Undefined("no anchor has a verdict of both versions of the judge.")
    silenced = int((~np.isnan(first) & np.isnan(second)).sum())
    first, second, labels = first[both], second[both], labels[both]
    return Drift(
        n=first.size,
        flip_rate=share(
            int((first != second).sum()),
            first.size,
            method="flip rate",
            confidence=confidence,
            n_judged=first.size,
        ),
        direction=mcnemar(int((second < first).sum()), int((second > first).sum())),
        accuracy=_accuracy(
            first, second, labels, positive=positive, confidence=confidence, seed=seed
        ),
        n_silenced=silenced,
        warnings=_warnings(first.size, silenced),
    )


def _accuracy(
    first: FloatArray,
    second: FloatArray,
    labels: FloatArray,
    *,
    positive: float,
    confidence: float,
    seed: int,
) -> AccuracyDrift | None:
    labelled = ~np.isnan(labels)
    if not labelled.any():
        return None
    truth = labels[labelled]
    was_right, is_right = first[labelled] == truth, second[labelled] == truth
    two_values = np.union1d(truth, [positive]).size <= 2

    def change(inside: BoolArray, name: str) -> Estimate:
        return change_of_share(
            was_right[inside], is_right[inside], method=name, confidence=confidence, seed=seed
        )

    def class_change(inside: BoolArray, name: str) -> Estimate | None:
        return change(inside, name) if two_values and inside.any() else None

    return AccuracyDrift(
        n=truth.size,
        agreement_change=change(np.ones_like(was_right), "change of agreement"),
        correctness=mcnemar(int((was_right & ~is_right).sum()), int((~was_right & is_right).sum())),
        sensitivity_change=class_change(truth == positive, "change of sensitivity"),
        specificity_change=class_change(truth != positive, "change of specificity"),
    )


def _warnings(n: int, silenced: int) -> tuple[str, ...]:
    notes: list[str] = []
    if n < FEW:
        notes.append(f"only {n} anchors; a drift of some percent would go unseen.")
    if silenced:
        notes.append(
            f"the new version gave no verdict on {silenced} anchors that the old one rated."
        )
    return tuple(notes)


def mcnemar(b: int, c: int) -> McNemar:
    """Test whether both kinds of discordant items are equally frequent.

    Parameters
    ----------
    b, c : int
        Discordant items of each kind. Without any, both p-values are 1.

    References
    ----------
    McNemar (1947), Psychometrika 12(2), 153-157. Fagerland, Lydersen & Laake (2013), BMC Medical
    Research Methodology 13, 91, the exact and the mid-p form.

    Examples
    --------
    >>> mcnemar(1, 6).exact_p
    0.125
    """
    # It takes longer to load than a whole gate, so only whoever needs it pays for it.
    from scipy import stats

    fewer = min(b, c)
    below = 2.0 * float(stats.binom.cdf(fewer, b + c, 0.5))
    at = float(stats.binom.pmf(fewer, b + c, 0.5))
    mid = 1.0 if b == c else below - at
    return McNemar(b=b, c=c, exact_p=min(1.0, below), mid_p=min(1.0, mid))


def change_of_share(
    before: BoolArray, after: BoolArray, *, method: str, confidence: float, seed: int = 0
) -> Estimate:
    """Estimate how much a share changed between two looks at the same items.

    Parameters
    ----------
    before, after : bool array, shape (n,)
    method : str
        The name that the estimate carries.
    confidence : float
    seed : int
        Same seed, same digits.

    Returns
    -------
    Estimate
        After minus before, in [-1, 1]; the interval is that of the table of the two looks under
        the prior of Jeffreys.

    Raises
    ------
    Undefined
        If there is no item.

    References
    ----------
    Agresti & Min (2005), Biometrics 61(2), 515-523, Bayesian intervals of paired shares.
    """
    if before.size == 0:
        raise Undefined(f"{method}: there is no item to count.")
    gained, lost = int((~before & after).sum()), int((before & ~after).sum())
    same = before.size - gained - lost
    # One half for each of the four cells; the two without change are one here.
    shapes = np.array([gained + 0.5, lost + 0.5, same + 1.0])
    drawn = np.random.default_rng(seed).dirichlet(shapes, size=DRAWS)
    return estimate_from_draws(
        (gained - lost) / before.size,
        drawn[:, 0] - drawn[:, 1],
        confidence=confidence,
        method=f"{method}, Dirichlet interval",
        n_judged=before.size,
        n_labelled=before.size,
    )


# Whether the judge errs alike on all systems; where it does not, no correction may be pooled.
#
# Each system is set against all others with Fisher's exact test, once among the items that
# experts passed and once among those that they failed, and Holm's step-down adjusts for all of
# these tests.
#
# References ---------- Fisher (1935), J. R. Stat. Soc. 98(1), 39-82, the exact test. Holm
# (1979), Scand. J. Stat. 6(2), 65-70, the adjustment.


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemErrors:
    """The judge's record on one system.

    Attributes
    ----------
    system : str
        Name of the system.
    sensitivity, specificity : float or None
        Share of the items passed, and failed, by experts on which the judge agrees; None without
        such items.
    n_passed, n_failed : int
        Labelled items that experts passed, and failed.
    adjusted_p : float
        The smaller of both adjusted p-values against the other systems.
    """

    system: str
    sensitivity: float | None
    specificity: float | None
    n_passed: int
    n_failed: int
    adjusted_p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRateComparison:
    """Error rates by system, and whether they differ.

    Attributes
    ----------
    systems : tuple of SystemErrors
        In order of their names.
    level : float
        Risk of saying that they differ where they do not.
    """

    systems: tuple[SystemErrors, ...]
    level: float

    @property
    def differ(self) -> bool:
        """Whether a system's error rates differ from those of the others."""
        return any(one.adjusted_p < self.level for one in self.systems)


def compare_error_rates(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    systems: npt.ArrayLike,
    *,
    design: Design = "random",
    strata: npt.ArrayLike | None = None,
    level: float = 0.05,
) -> ErrorRateComparison:
    """Compare the judge's error rates between systems.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        1 pass, 0 fail, NaN where missing; of a random draw, items with both count.
    systems : array, shape (N,)
        System that gave each answer.
    design : {"random", "by-verdict"}
        How labels were drawn within each system. Drawn by verdict, they show other error rates
        than the judge has, and other ones for systems that pass more or fewer items: then each
        label counts for the items that it stands for.
    strata : array, shape (N,), optional
        Stratum of each item, where labels were drawn at a different rate from each.
    level : float
        Family-wise error of the comparison, a fraction.

    Returns
    -------
    ErrorRateComparison

    Raises
    ------
    ValueError
        If an argument is malformed.
    Undefined
        If fewer than two systems have labelled, judged items.
    """
    check_share("level", level)
    verdicts = check_ratings("judge", judge, (0.0, 1.0))
    labels = check_ratings("human", human, (0.0, 1.0))
    check_same_length(judge=verdicts, human=labels)
    check_binary("judge", verdicts)
    check_binary("human", labels)
    check_codes("systems", systems, verdicts.size)
    both = ~np.isnan(verdicts) & ~np.isnan(labels)
    names = np.asarray(systems).astype(np.str_)[both]
    present = [str(name) for name in np.unique(names)]
    if len(present) < 2:
        raise Undefined(f"labelled items come from {len(present)} system; two are needed.")
    if design != "random" or strata is not None:
        every = np.asarray(systems).astype(np.str_)
        return _weighted(
            verdicts, labels, every, present=present, draw=(design, strata), level=level
        )
    right = verdicts[both] == labels[both]
    tests = [
        _against_rest(right[labels[both] == label], (names == name)[labels[both] == label])
        for name in present
        for label in (1.0, 0.0)
    ]
    adjusted = np.array(holm(tests))
    return ErrorRateComparison(
        systems=tuple(
            _record(name, labels[both][names == name], right[names == name], adjusted_p=p)
            for name, p in zip(present, adjusted.reshape(-1, 2).min(axis=1).tolist(), strict=True)
        ),
        level=level,
    )


def _weighted(
    judge: FloatArray,
    human: FloatArray,
    systems: npt.NDArray[np.str_],
    *,
    present: Sequence[str],
    draw: tuple[Design, npt.ArrayLike | None],
    level: float,
) -> ErrorRateComparison:
    """Compare the error rates that the labels stand for, system by system against the others."""
    cells = check_codes("strata", draw[1], judge.size)
    tables: list[JudgeTable] = []
    for number, name in enumerate(present):
        mine = systems == name
        own = None if cells is None else cells[mine]
        read = read_labelled(judge[mine], human[mine], scale=(0.0, 1.0), design=draw[0], strata=own)
        tables.append(judge_table(read, seed=number))
    tests: list[float] = []
    for at, table in enumerate(tables):
        first, *others = [one for place, one in enumerate(tables) if place != at]
        rest = first
        for one in others:
            rest = rest + one
        tests.append(difference_p(table.sensitivity_odds, rest.sensitivity_odds))
        tests.append(difference_p(table.specificity_odds, rest.specificity_odds))
    adjusted = np.array(holm(tests)).reshape(-1, 2).min(axis=1).tolist()
    records: list[SystemErrors] = []
    for name, table, p in zip(present, tables, adjusted, strict=True):
        given = human[(systems == name) & ~np.isnan(human) & ~np.isnan(judge)]
        passed, failed = int((given == 1.0).sum()), int((given == 0.0).sum())
        records.append(
            SystemErrors(
                system=name,
                sensitivity=table.sensitivity if passed else None,
                specificity=table.specificity if failed else None,
                n_passed=passed,
                n_failed=failed,
                adjusted_p=p,
            )
        )
    return ErrorRateComparison(systems=tuple(records), level=level)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that the chance of any false finding stays at the level.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    stepped = np.maximum.accumulate(np.asarray(p_values)[order] * factors)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted.tolist()


def _against_rest(right: BoolArray, mine: BoolArray) -> float:
    from scipy.stats import fisher_exact

    table = np.array(
        [
            [int((right & mine).sum()), int((~right & mine).sum())],
            [int((right & ~mine).sum()), int((~right & ~mine).sum())],
        ]
    )
    return float(fisher_exact(table).pvalue)


def _record(name: str, labels: FloatArray, right: BoolArray, *, adjusted_p: float) -> SystemErrors:
    passed, failed = right[labels == 1.0], right[labels == 0.0]
    return SystemErrors(
        system=name,
        sensitivity=float(passed.mean()) if passed.size else None,
        specificity=float(failed.mean()) if failed.size else None,
        n_passed=passed.size,
        n_failed=failed.size,
        adjusted_p=adjusted_p,
    )
