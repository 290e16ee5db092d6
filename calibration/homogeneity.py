"""Whether the judge errs alike on all systems; where it does not, no correction may be pooled.

Each system is set against all others with Fisher's exact test, once among the items that experts
passed and once among those that they failed, and Holm's step-down adjusts for all of these tests.

References
----------
Fisher (1935), J. R. Stat. Soc. 98(1), 39-82, the exact test.
Holm (1979), Scand. J. Stat. 6(2), 65-70, the adjustment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.estimate import Undefined
from calibration.validation import (
    BoolArray,
    FloatArray,
    check_binary,
    check_codes,
    check_ratings,
    check_same_length,
    check_share,
)


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
    judge: npt.ArrayLike, human: npt.ArrayLike, systems: npt.ArrayLike, *, level: float = 0.05
) -> ErrorRateComparison:
    """Compare the judge's error rates between systems.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        1 pass, 0 fail, NaN where missing; items with both count. Labels drawn by verdict distort
        the rates, though not the comparison where they were drawn alike for all systems.
    systems : array, shape (N,)
        System that gave each answer.
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
