"""How many expert labels a mean on a bounded scale needs.

The estimators of `calibration.means` are asked what they would say of n labels that are spread
like those of a pilot. What no label of the pilot shows, such as a rare severe tail, is not
foretold. ``N`` items, means in the unit of the scale.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.correction.labelled import read_labelled
from calibration.estimate import Estimate, InsufficientLabels
from calibration.means import estimate_mean, gate_mean
from calibration.planning import FEWEST, Groups, LabelPlan, shared_out, smallest
from calibration.validation import FloatArray, check_error, check_share

MOST_WITHOUT_JUDGE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanPilot:
    """Ratings that stand for those to come.

    Attributes
    ----------
    scale : (float, float)
    scores : float array, shape (N,)
        The judge's, in order.
    judge, human : float array, shape (n,)
        Of the labelled items, in order.
    """

    scale: tuple[float, float]
    scores: FloatArray
    judge: FloatArray
    human: FloatArray

    @property
    def mean(self) -> float:
        """The mean that experts would give."""
        return self.expected(self.human.size, self.scores.size + self.human.size).value

    @property
    def explained(self) -> float:
        """Squared correlation of judge and experts; 0 where one of them does not vary."""
        if min(np.ptp(self.judge), np.ptp(self.human)) == 0.0:
            return 0.0
        return float(np.corrcoef(self.judge, self.human)[0, 1] ** 2)

    def expected(self, labels: int, n_judged: int, *, confidence: float = 0.95) -> Estimate:
        """Give the estimate that so many labels let expect."""
        judge, human = self.sample(labels, n_judged)
        return estimate_mean(judge, human, scale=self.scale, confidence=confidence)

    def sample(self, labels: int, n_judged: int) -> tuple[FloatArray, FloatArray]:
        """Spread labels and scores as the pilot does, both shape (n_judged,)."""
        chosen = _evenly(self.human.size, labels)
        others = self.scores[_evenly(self.scores.size, max(n_judged - labels, 0))]
        judge = np.concatenate([self.judge[chosen], others])
        return judge, np.concatenate([self.human[chosen], np.full(others.size, np.nan)])


def pilot_from_ratings(
    judge: npt.ArrayLike, human: npt.ArrayLike, *, scale: tuple[float, float]
) -> MeanPilot:
    """Make a pilot from a first set of labels, drawn at random.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        On the scale, NaN where missing.
    scale : (float, float)

    Raises
    ------
    ValueError
        As in :func:`calibration.estimate_mean`.
    InsufficientLabels
        If fewer than 10 items have both a score and a label.
    """
    drawn = read_labelled(judge, human, scale=scale, design="random")
    both = drawn.used & ~drawn.missing
    if int(both.sum()) < FEWEST:
        raise InsufficientLabels(
            f"{int(both.sum())} labels; a plan for a mean needs {FEWEST} to see their spread."
        )
    order = np.lexsort((drawn.human[both], drawn.judge[both]))
    return MeanPilot(
        scale=scale,
        scores=np.sort(drawn.judge[~drawn.missing]),
        judge=drawn.judge[both][order],
        human=drawn.human[both][order],
    )


def plan_mean_labels(
    pilot: MeanPilot,
    *,
    half_width: float | None = None,
    floor: float | None = None,
    power: float = 0.8,
    error: float = 0.05,
    n_judged: int = 5000,
    groups: Groups | None = None,
) -> LabelPlan:
    """Find the smallest number of labels that does what is wanted of a mean.

    Parameters
    ----------
    pilot : MeanPilot
    half_width, floor : float, optional
        As in :func:`calibration.plan_labels`, in the unit of the scale.
    power, error, n_judged, groups
        As in :func:`calibration.plan_labels`.

    Returns
    -------
    LabelPlan
        Its power takes the gate's limit to scatter normally.

    Raises
    ------
    ValueError
        If nothing is wanted, or the floor is not below the pilot's mean.
    InsufficientLabels
        If labelling every item would not be enough.
    UnusableJudge
        If the pilot shows a judge below chance.

    Examples
    --------
    >>> human = [6, 7, 5, 8, 6, 7, 9, 4, 6, 7, 8, 5]
    >>> pilot = pilot_from_ratings([7, 7, 6, 8, 6, 8, 9, 5, 6, 7, 9, 5], human, scale=(1, 10))
    >>> plan = plan_mean_labels(pilot, half_width=0.3, n_judged=500)
    >>> plan.half_width <= 0.3, plan.labels < plan.human_only_labels
    (True, True)
    """
    check_share("power", power)
    check_error(error)
    if half_width is None and floor is None:
        raise ValueError("give half_width, floor or both: what should the labels achieve?")
    if floor is not None and not floor < pilot.mean:
        raise ValueError(f"floor must be below the expected mean {pilot.mean:.4g}; got {floor}.")

    def reached(n: int) -> float:
        found = pilot.expected(n, n_judged, confidence=1.0 - error)
        return 0.5 * (found.high - found.low)

    def enough(n: int) -> bool:
        wide = half_width is None or reached(n) <= half_width
        return wide and (
            floor is None or _power(pilot, n, n_judged, floor=floor, error=error) >= power
        )

    labels = smallest(enough, most=n_judged)
    return LabelPlan(
        labels=labels,
        human_only_labels=_without_judge(pilot, reached(labels), error),
        half_width=reached(labels),
        power=None if floor is None else _power(pilot, labels, n_judged, floor=floor, error=error),
        saving=1.0 / (1.0 - min(pilot.explained, 0.999)),
        allocation=shared_out(labels, groups or {}),
    )


def _evenly(size: int, wanted: int) -> npt.NDArray[np.intp]:
    """Choose places among ``size`` at even distances, each as often as any other."""
    return ((np.arange(wanted) + 0.5) * size / max(wanted, 1)).astype(np.intp)


def _power(pilot: MeanPilot, n: int, n_judged: int, *, floor: float, error: float) -> float:
    judge, human = pilot.sample(n, n_judged)
    low = gate_mean(judge, human, scale=pilot.scale, error=error).low
    spread = float(np.sqrt(np.var(pilot.human, ddof=1) * (1.0 - pilot.explained) / n))
    return float(special.ndtr((low - floor) / max(spread, 1e-12)))


def _without_judge(pilot: MeanPilot, half_width: float, error: float) -> int:
    def enough(n: int) -> bool:
        human = pilot.human[_evenly(pilot.human.size, n)]
        found = estimate_mean(
            np.full(n, pilot.scale[1]), human, scale=pilot.scale, confidence=1.0 - error
        )
        return found.high - found.low <= 2.0 * half_width

    return smallest(enough, most=MOST_WITHOUT_JUDGE)
