"""What probability an expert's pass has, given the judge's own probability.

A judge's probability may be too sure, too timid or shifted. A recalibration is a monotone map from
its probability to the experts' pass rate, fitted on labels. Whether it helps is shown on other
labels than those that it was fitted on: each label is predicted by a map fitted without it.

``p`` (n,) probabilities of a pass, ``y`` (n,) labels 0 or 1, ``w`` (n,) items that each stands for.

References
----------
Platt (1999), Probabilistic outputs for support vector machines, in Advances in Large Margin
Classifiers, 61-74; the smoothed targets are his equation 5. Kull, Silva Filho and Flach (2017),
Beta calibration, AISTATS. Zadrozny and Elkan (2002), KDD, 694-699, isotonic regression.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import Estimate, InsufficientLabels
from calibration.intervals import mean_interval
from calibration.validation import (
    FloatArray,
    check_binary,
    check_ratings,
    check_same_length,
    check_share,
)

Method: TypeAlias = Literal["platt", "isotonic"]

FOLDS = 10
CLIP = 1e-4
"""Probabilities are kept this far from 0 and 1: a judge that says 0 is not infinitely sure."""

LEAST_LABELS = 20
LEAST_OF_A_KIND = 5
_RIDGE = 1e-2
_STEPS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibration:
    """A monotone map from the judge's probability to the experts' pass rate.

    Attributes
    ----------
    method : {"platt", "isotonic"}
    knots, values : float array, shape (k,)
        For "isotonic": the map is linear between the knots. For "platt": ``knots`` is empty and
        ``values`` holds intercept and slope on the log-odds.
    """

    method: Method
    knots: FloatArray
    values: FloatArray

    def apply(self, probability: npt.ArrayLike) -> FloatArray:
        """Give the recalibrated probabilities; NaN stays NaN.

        Parameters
        ----------
        probability : float array, shape (N,)
            Fractions.
        """
        p = np.asarray(probability, dtype=np.float64)
        if self.method == "platt":
            odds: FloatArray = self.values[0] + self.values[1] * _log_odds(p)
            return special.expit(odds)
        inside = np.interp(p, self.knots, self.values).astype(np.float64)
        return np.where(np.isnan(p), np.nan, inside)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecalibrationResult:
    """A recalibration, and whether it is proven to help.

    Attributes
    ----------
    map : Recalibration
        Fitted on all labels.
    brier_before, brier_after : float
        Mean squared distance to the labels, after: each label predicted without itself.
    gain : Estimate
        ``brier_before - brier_after`` with its interval.
    proven : bool
        Whether the interval of the gain lies above 0.
    """

    map: Recalibration
    brier_before: float
    brier_after: float
    gain: Estimate
    proven: bool


def recalibrate(
    probability: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    method: Method = "platt",
    seed: int = 0,
    confidence: float = 0.95,
) -> RecalibrationResult:
    """Fit a recalibration and prove it on labels that it was not fitted on.

    Use "platt" up to some 1,000 labels: it has two parameters. "isotonic" follows any monotone
    curve and needs more.

    Parameters
    ----------
    probability : float array, shape (N,)
        The judge's probability of a pass, a fraction; NaN where it gave none.
    human : float array, shape (N,)
        1 pass, 0 fail, NaN where there is no label; drawn at random.
    method : {"platt", "isotonic"}
    seed : int
        Of the division into folds.
    confidence : float
        Of the interval of the gain.

    Returns
    -------
    RecalibrationResult

    Raises
    ------
    ValueError
        If an argument is malformed.
    InsufficientLabels
        If there are under 20 labels, or under 5 of either kind.

    Examples
    --------
    >>> p = np.tile([0.6, 0.99], 100)
    >>> y = np.tile([0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0], 20)
    >>> found = recalibrate(p, y)
    >>> [round(float(q), 2) for q in found.map.apply([0.6, 0.99])], found.proven
    ([0.21, 0.79], True)
    """
    check_share("confidence", confidence)
    p, y = labelled_pairs(probability, human)
    w = np.ones_like(p)
    after = cross_fitted(p, y, w, method=method, seed=seed)
    gains = (p - y) ** 2 - (after - y) ** 2
    interval = mean_interval(gains, w, (-1.0, 1.0), tail=(1.0 - confidence) / 2.0)
    gain = float(gains.mean())
    return RecalibrationResult(
        map=fit_map(p, y, w, method=method),
        brier_before=float(((p - y) ** 2).mean()),
        brier_after=float(((after - y) ** 2).mean()),
        gain=Estimate(
            value=gain,
            low=interval.low,
            high=interval.high,
            confidence=confidence,
            method=f"cross-fitted {method}, Gaffke mid",
            n_judged=int((~np.isnan(np.asarray(probability, dtype=np.float64))).sum()),
            n_labelled=p.size,
        ),
        proven=interval.low > 0.0,
    )


def labelled_pairs(
    probability: npt.ArrayLike, human: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Check the arrays and keep the items with a probability and a label.

    Raises
    ------
    ValueError, InsufficientLabels
        As :func:`recalibrate`.
    """
    p = check_ratings("probability", probability, (0.0, 1.0))
    y = check_ratings("human", human, (0.0, 1.0))
    check_same_length(probability=p, human=y)
    check_binary("human", y)
    both = ~np.isnan(p) & ~np.isnan(y)
    require_labels(y[both])
    return p[both], y[both]


def require_labels(y: FloatArray) -> None:
    """Raise InsufficientLabels unless there are enough labels, and enough of either kind."""
    passes = int(y.sum())
    if y.size < LEAST_LABELS or min(passes, y.size - passes) < LEAST_OF_A_KIND:
        raise InsufficientLabels(
            f"{y.size} labels, of them {passes} passes; at least {LEAST_LABELS} with "
            f"{LEAST_OF_A_KIND} of either kind are needed to calibrate probabilities."
        )


def cross_fitted(
    p: FloatArray, y: FloatArray, w: FloatArray, *, method: Method, seed: int = 0
) -> FloatArray:
    """Predict each label by a map that was fitted without it.

    Parameters
    ----------
    p, y, w : float array, shape (n,)
        Checked; no NaN.
    method : {"platt", "isotonic"}
    seed : int
        Of the division into ten folds at random. Passes and fails are not spread evenly over them:
        then a map would know from its own labels which are missing.

    Returns
    -------
    float array, shape (n,)
    """
    folds = np.random.default_rng(seed).permutation(y.size) % FOLDS
    predicted = np.empty_like(p)
    for fold in range(FOLDS):
        test = folds == fold
        if test.any():
            fitted = fit_map(p[~test], y[~test], w[~test], method=method)
            predicted[test] = fitted.apply(p[test])
    return predicted


def fit_map(p: FloatArray, y: FloatArray, w: FloatArray, *, method: Method) -> Recalibration:
    """Fit the map to labels; arguments as in :func:`cross_fitted`."""
    fits: dict[Method, Callable[[FloatArray, FloatArray, FloatArray], Recalibration]] = {
        "platt": _fit_platt,
        "isotonic": _fit_isotonic,
    }
    return fits[method](p, y, w)


def _fit_isotonic(p: FloatArray, y: FloatArray, w: FloatArray) -> Recalibration:
    from scipy import optimize

    knots, index = np.unique(p, return_inverse=True)
    weight = np.bincount(index, w)
    mean = np.bincount(index, w * y) / weight
    fitted = optimize.isotonic_regression(mean, weights=weight)
    return Recalibration(method="isotonic", knots=knots, values=np.asarray(fitted.x))


def _fit_platt(p: FloatArray, y: FloatArray, w: FloatArray) -> Recalibration:
    """Maximise the likelihood of smoothed labels by Newton's method with halved steps.

    A small ridge draws towards the map that changes nothing, so that labels which a probability
    separates perfectly do not send the slope to infinity.
    """
    passes, fails = float(y.sum()), float(y.size - y.sum())
    problem = _Likelihood(
        design=np.column_stack([np.ones_like(p), _log_odds(p)]),
        target=np.where(y == 1.0, (passes + 1.0) / (passes + 2.0), 1.0 / (fails + 2.0)),
        weight=w,
    )
    beta = _IDENTITY.copy()
    for _ in range(_STEPS):
        better = problem.descend(beta)
        if problem.loss(beta) - problem.loss(better) < 1e-9:
            break
        beta = better
    return Recalibration(method="platt", knots=np.empty(0), values=beta)


_IDENTITY: FloatArray = np.array([0.0, 1.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Likelihood:
    """Weighted deviance of smoothed labels, with the ridge."""

    design: FloatArray
    target: FloatArray
    weight: FloatArray

    def loss(self, beta: FloatArray) -> float:
        odds = self.design @ beta
        deviance = np.logaddexp(0.0, odds) - self.target * odds
        return float(self.weight @ deviance + 0.5 * _RIDGE * ((beta - _IDENTITY) ** 2).sum())

    def descend(self, beta: FloatArray) -> FloatArray:
        """Take the largest of Newton's step, its half, its quarter ... that lowers the loss."""
        expected = special.expit(self.design @ beta)
        gradient = self.design.T @ (self.weight * (expected - self.target))
        gradient = gradient + _RIDGE * (beta - _IDENTITY)
        curvature = (self.design * (self.weight * expected * (1.0 - expected))[:, None]).T
        step: FloatArray = np.linalg.solve(
            curvature @ self.design + _RIDGE * np.eye(2), gradient
        ).astype(np.float64)
        loss, share = self.loss(beta), 1.0
        while share > 1e-6 and self.loss(beta - share * step) >= loss:
            share /= 2.0
        return beta - share * step if share > 1e-6 else beta


def _log_odds(p: FloatArray) -> FloatArray:
    return special.logit(np.clip(p, CLIP, 1.0 - CLIP))
