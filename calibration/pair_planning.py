"""How many prompts to label for two systems, so that a gate on their difference passes.

The gate of a release asks whether the candidate is not worse than the baseline by a margin, from
labels on the same prompts for both. What that takes hangs on how often the two differ on a prompt,
and the plan therefore simulates the gate itself, `calibration.gate_difference`, on prompts that are
like those of a pilot. N judged prompts, n of them labelled for both systems: 2 n labels. A pilot
has P rows; R candidates are simulated at once, from how often each row is drawn.
"""

from dataclasses import dataclass
from math import ceil, log, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.bounded_mean import GAFFKE_SHRINKAGE, STEEPEST
from calibration.estimate import InsufficientLabels
from calibration.intervals import ATOMS, dirichlet_mean_cdfs
from calibration.labelled_sample import NEARLY_ONE, REFUSAL_RISK
from calibration.validation import (
    BoolArray,
    FloatArray,
    IntArray,
    check_error,
    check_ratings,
    check_same_length,
    check_scale,
    check_share,
)

FEWEST_PAIRS: Final = 10
REPEATS: Final = 200
_POINTS = 7
_ROUNDS = 3
_FITTING = 25
_RIDGE = 0.02
_FLATTEST = 0.02
_PSEUDO_PAIRS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPilot:
    """Prompts that stand for those to come.

    Attributes
    ----------
    rows : float array, shape (m, 4)
        Candidate's verdict and label, baseline's verdict and label, in the unit of the scale.
    shares : float array, shape (m,)
        How often each is expected, a fraction; they add up to 1.
    scale : (float, float)
    """

    rows: FloatArray
    shares: FloatArray
    scale: tuple[float, float]

    @property
    def difference(self) -> float:
        """Expected difference of the experts' ratings, candidate minus baseline."""
        return float(self.shares @ (self.rows[:, 1] - self.rows[:, 3]))

    @property
    def discordant(self) -> float:
        """Share of prompts on which experts are expected to rate the two systems differently."""
        return float(self.shares @ (self.rows[:, 1] != self.rows[:, 3]))


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPlan:
    """How many prompts to label for both systems.

    Attributes
    ----------
    prompts : int
        Prompts to label.
    labels : int
        Labels that this takes: two a prompt.
    hard_floor : int
        Fewest prompts with which the gate can pass at all, if no label differs on any of them.
    power : float
        Probability that the gate passes with so many, a fraction.
    """

    prompts: int
    labels: int
    hard_floor: int
    power: float


def hard_floor(margin: float, *, error: float = 0.05, width: float = 1.0) -> int:
    """Fewest labelled prompts with which a gate on a difference can pass.

    With n prompts on which no label differs, a valid limit at a risk of ``error`` still is
    ``-width * (1 - error ** (1 / n))``.

    Parameters
    ----------
    margin : float
        Allowed loss, in the unit of the scale; > 0 and below its width.
    error : float
        Risk of the limit.
    width : float
        Of the scale.

    Examples
    --------
    >>> [hard_floor(margin) for margin in (0.05, 0.02, 0.01)]
    [59, 149, 299]
    """
    check_error(error)
    return ceil(log(error) / log(1.0 - check_share("margin", margin / width)) - 1e-9)


def pairs_from_accuracy(
    rate: float, *, sensitivity: float, specificity: float, shared: float = 0.0, churn: float = 0.0
) -> PairPilot:
    """Make a pilot of two equally good systems from expected rates, all fractions.

    Parameters
    ----------
    rate : float
        Share of responses that experts pass, of either system.
    sensitivity, specificity : float
        Share of passes, and of fails, that the judge finds; it errs on each response by itself.
    shared : float
        Share of prompts on which both responses are alike, so that experts rate them the same; on
        the others they are unrelated. 0 asks for most labels.
    churn : float
        Instead of ``shared``: share of prompts on which the experts' ratings differ.

    Raises
    ------
    ValueError
        If a number is off its range, or the churn is more than unrelated systems have.

    Examples
    --------
    >>> round(pairs_from_accuracy(0.95, sensitivity=0.97, specificity=0.6).discordant, 3)
    0.095
    """
    check_share("rate", rate)
    apart = 2.0 * rate * (1.0 - rate)
    if churn:
        if not 0.0 < churn <= apart:
            raise ValueError(f"churn must be above 0 and at most {apart:.3f}; got {churn:g}.")
        shared = 1.0 - churn / apart
    if not 0.0 <= shared < 1.0:
        raise ValueError(f"shared must be 0 or more and below 1; got {shared:g}.")
    check_share("sensitivity", sensitivity)
    check_share("specificity", specificity)
    truth = {1.0: rate, 0.0: 1.0 - rate}
    passing = {1.0: sensitivity, 0.0: 1.0 - specificity}
    rows: list[tuple[float, float, float, float]] = []
    shares: list[float] = []
    for a in (0.0, 1.0):
        for b in (0.0, 1.0):
            both = (1.0 - shared) * truth[a] * truth[b] + (shared * truth[a] if a == b else 0.0)
            for says_a in (0.0, 1.0):
                for says_b in (0.0, 1.0):
                    rows.append((says_a, a, says_b, b))
                    first = passing[a] if says_a else 1.0 - passing[a]
                    second = passing[b] if says_b else 1.0 - passing[b]
                    shares.append(both * first * second)
    return PairPilot(rows=np.array(rows), shares=np.array(shares), scale=(0.0, 1.0))


def pairs_from_labels(  # noqa: PLR0917 - in the order of the public functions
    judge_a: npt.ArrayLike,
    human_a: npt.ArrayLike,
    judge_b: npt.ArrayLike,
    human_b: npt.ArrayLike,
    *,
    scale: tuple[float, float] = (0, 1),
) -> PairPilot:
    """Make a pilot of two equally good systems from prompts labelled for both, drawn at random.

    Each pair counts once as it is and once with the systems exchanged, so that the pilot says how
    much they vary and not which of them was the better one. Half a pair that differs by the whole
    scale is added, since none that was seen does not mean that there are none.

    Parameters
    ----------
    judge_a, human_a, judge_b, human_b : float array, shape (N,)
        On the scale, NaN where missing.
    scale : (float, float)

    Raises
    ------
    ValueError
        As in :func:`calibration.estimate_difference`.
    InsufficientLabels
        If fewer than 10 prompts have all four.
    """
    ends = check_scale(scale)
    given = {"judge_a": judge_a, "human_a": human_a, "judge_b": judge_b, "human_b": human_b}
    arrays = {name: check_ratings(name, ratings, ends) for name, ratings in given.items()}
    check_same_length(**arrays)
    rows = np.stack(list(arrays.values()), axis=1)
    rows = rows[~np.isnan(rows).any(axis=1)]
    if len(rows) < FEWEST_PAIRS:
        raise InsufficientLabels(
            f"{len(rows)} prompts with labels and verdicts of both; a plan needs {FEWEST_PAIRS}."
        )
    mirrored = np.concatenate([rows, rows[:, [2, 3, 0, 1]]])
    extreme = np.array([[ends[1], ends[1], ends[0], ends[0]], [ends[0], ends[0], ends[1], ends[1]]])
    weights = np.concatenate([np.full(len(mirrored), 0.5), np.full(2, 0.5 * _PSEUDO_PAIRS)])
    return PairPilot(
        rows=np.concatenate([mirrored, extreme]), shares=weights / weights.sum(), scale=ends
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gate:
    """The test that is planned for."""

    pilot: PairPilot
    margin: float
    error: float
    n_judged: int
    repeats: int


def plan_pairs(
    pilot: PairPilot,
    *,
    margin: float,
    power: float = 0.8,
    error: float = 0.05,
    n_judged: int = 5000,
    repeats: int = REPEATS,
    seed: int = 0,
) -> PairPlan:
    """Find the fewest prompts whose labels let the gate pass with the wanted probability.

    Parameters
    ----------
    pilot : PairPilot
        See :func:`pairs_from_labels` and :func:`pairs_from_accuracy`.
    margin : float
        How much worse the candidate may be, in the unit of the scale.
    power : float
        Wanted probability that the gate passes, a fraction.
    error : float
        Risk of the gate's limit, at the look that is planned for; see
        `calibration.sequential.look_error`.
    n_judged : int
        Prompts with verdicts of both systems; no more can be labelled.
    repeats : int
        Simulated gates for each number of prompts that is tried; fewer are quicker and rougher.
    seed : int
        Same seed, same plan.

    Returns
    -------
    PairPlan

    Raises
    ------
    ValueError
        If an argument is off its range, or the pilot's candidate is worse by the margin.
    InsufficientLabels
        If labelling every prompt would not be enough.
    """
    check_share("power", power)
    least = hard_floor(margin, error=error, width=pilot.scale[1] - pilot.scale[0])
    if pilot.difference <= -margin:
        raise ValueError("the pilot's candidate is worse by the margin; no plan makes it pass.")
    if least > n_judged:
        raise InsufficientLabels(
            f"at least {least} labelled prompts are needed, and there are {n_judged}."
        )
    gate = _Gate(pilot=pilot, margin=margin, error=error, n_judged=n_judged, repeats=repeats)
    curve = _Curve(gate, np.random.default_rng(seed))
    low, high = least, curve.enough(least, power)
    for _ in range(_ROUNDS):
        curve.add(np.unique(np.geomspace(low, high, _POINTS).astype(int)).tolist())
        found = curve.reaching(power)
        low, high = max(least, int(0.8 * found)), min(n_judged, ceil(1.25 * found))
    found = max(least, curve.reaching(power))
    return PairPlan(prompts=found, labels=2 * found, hard_floor=least, power=curve.at(found))


class _Curve:
    """Power against prompts: a probit line in the square root of their number."""

    def __init__(self, gate: _Gate, rng: np.random.Generator) -> None:
        self._gate = gate
        self._rng = rng
        self._prompts: list[int] = []
        self._shares: list[float] = []
        self._line = (0.0, 1.0)

    def enough(self, least: int, power: float) -> int:
        """Find by doubling a number of prompts that is enough.

        Raises
        ------
        InsufficientLabels
            If there are not so many.
        """
        high, most = least, self._gate.n_judged
        while True:
            high = min(2 * high, most)
            repeats = self._gate.repeats * (1 if high < most else 4)
            if self._simulated(high, repeats) >= power:
                return high
            if high == most:
                raise InsufficientLabels(
                    f"labels on all {most} prompts would not let the gate pass with "
                    f"{power:.0%} probability."
                )

    def add(self, prompts: list[int]) -> None:
        """Simulate some more numbers of prompts, and fit the line again to those that are near."""
        for n in prompts:
            self._prompts.append(n)
            self._shares.append(self._simulated(n, self._gate.repeats))
        x = np.sqrt(np.array(self._prompts, dtype=np.float64))
        near = (x >= np.sqrt(min(prompts))) & (x <= np.sqrt(max(prompts)))
        self._line = _probit_line(x[near], np.array(self._shares)[near])

    def at(self, prompts: int) -> float:
        """Power with so many prompts, a fraction."""
        return float(special.ndtr(self._line[0] + self._line[1] * sqrt(prompts)))

    def reaching(self, power: float) -> int:
        """Fewest prompts that reach a power, by the line."""
        start, slope = self._line
        root = (float(special.ndtri(power)) - start) / slope
        return int(min(ceil(max(root, 0.0) ** 2), self._gate.n_judged))

    def _simulated(self, n: int, repeats: int) -> float:
        """Share of candidates that pass with labels on n prompts."""
        gate, pilot = self._gate, self._gate.pilot
        labelled = self._rng.multinomial(n, pilot.shares, size=repeats)
        others = self._rng.multinomial(gate.n_judged - n, pilot.shares, size=repeats)
        risks = difference_risks_of_counts(
            pilot.rows, labelled, others, bound=-gate.margin, scale=pilot.scale
        )
        return float((risks < gate.error).mean())


def _probit_line(x: FloatArray, shares: FloatArray) -> tuple[float, float]:
    """Fit a probit line by iterated least squares; power never falls with more prompts.

    A little weight draws the slope towards that of a test whose power goes from a half to all but
    certainty over the range, which settles it where all shares are 0 or 1.
    """
    middle, spread = float(x.mean()), max(float(x.std()), 1e-9)
    design = np.stack([np.ones_like(x), (x - middle) / spread], axis=1)
    overall = min(max(float(shares.mean()), 0.02), 0.98)
    line: FloatArray = np.array([float(special.ndtri(overall)), 1.0])
    prior: FloatArray = np.array([0.0, 1.0])
    ridge: FloatArray = np.array([[1e-9, 0.0], [0.0, _RIDGE]])
    for _ in range(_FITTING):
        eta: FloatArray = np.clip(design @ line, -4.0, 4.0)
        mean = np.clip(special.ndtr(eta), 1e-4, 1.0 - 1e-4)
        slope = np.exp(-0.5 * eta**2) / np.sqrt(2.0 * np.pi)
        weight = slope**2 / (mean * (1.0 - mean))
        target = eta + np.clip((shares - mean) / np.maximum(slope, 1e-3), -1.0, 1.0)
        left: FloatArray = design.T @ (weight[:, None] * design) + ridge
        right: FloatArray = design.T @ (weight * target) + ridge @ prior
        fitted: list[float] = np.asarray(np.linalg.solve(left, right), dtype=np.float64).tolist()
        line = np.array([fitted[0], max(fitted[1], _FLATTEST)])
    gradient = float(line[1]) / spread
    return float(line[0]) - gradient * middle, gradient


def difference_risks_of_counts(
    rows: FloatArray,
    labelled: IntArray,
    others: IntArray,
    *,
    bound: float,
    scale: tuple[float, float],
) -> FloatArray:
    """First risk of :func:`~calibration.paired_difference.difference_risks`, of R sets at once.

    Parameters
    ----------
    rows : float array, shape (P, 4)
        As in `PairPilot`.
    labelled, others : int array, shape (R, P)
        Prompts with and without labels that are like each row; at least 2 labelled ones in a set.
    bound : float
    scale : (float, float)

    Returns
    -------
    float array, shape (R,), fractions
        1 where a judge would be refused.
    """
    width = scale[1] - scale[0]
    adjusted, lowest = _adjusted(rows, labelled, others, width=width)
    mean = (labelled * adjusted).sum(axis=1) / labelled.sum(axis=1)
    values, counts = _gathered(adjusted, labelled)
    values = np.column_stack([values, lowest])
    counts = np.column_stack([counts, np.ones(len(counts))])
    risks = np.where(mean <= bound, 1.0, dirichlet_mean_cdfs(values, counts, bound))
    for verdict, label in ((0, 1), (2, 3)):
        risks[_reversed(rows[:, verdict], rows[:, label], labelled)] = 1.0
    return risks


def _adjusted(
    rows: FloatArray, labelled: IntArray, others: IntArray, *, width: float
) -> tuple[FloatArray, FloatArray]:
    """Give the judge-adjusted differences, shape (R, P), and the least that one can be, (R,).

    As in `calibration.bounded_mean`: each slope is that without the prompt itself.
    """
    seen, judged, human = labelled > 0, rows[:, 0] - rows[:, 2], rows[:, 1] - rows[:, 3]
    n, prompts = _column(labelled.sum(axis=1)), _column((labelled + others).sum(axis=1))
    centre = _column((labelled + others) @ judged) / prompts
    gap = judged - centre
    x, y, squares, products = (
        ((labelled * part).sum(axis=1, keepdims=True) - part) / (n - 1.0)
        for part in (gap, np.broadcast_to(human, gap.shape), gap**2, gap * human)
    )
    squares, products = squares - x**2, products - x * y
    least, most = _ends(gap, seen)
    flat = squares <= 1e-9 * np.maximum(most - least, 1e-150) ** 2
    slopes = np.clip(np.where(flat, 0.0, products / np.where(flat, 1.0, squares)), 0.0, STEEPEST)
    slopes *= n / (n + GAFFKE_SHRINKAGE)
    slope = (labelled * slopes).sum(axis=1, keepdims=True) / n
    own = (labelled * gap).sum(axis=1, keepdims=True) / n
    kept = np.sqrt(n / prompts) * slope * (gap - own)
    adjusted = human - slopes * gap + kept
    reach = _ends(gap, labelled + others > 0)[1]
    lowest = np.minimum(-width - slope * reach, _ends(adjusted, seen)[0])
    return adjusted, lowest[:, 0]


def _column(values: FloatArray | IntArray) -> FloatArray:
    return values[:, None].astype(np.float64)


def _ends(values: FloatArray, among: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Give the least and the most of each row, shape (R, 1), among those that it has."""
    least = np.where(among, values, np.inf).min(axis=1, keepdims=True)
    most = np.where(among, values, -np.inf).max(axis=1, keepdims=True)
    return least, most


def _gathered(values: FloatArray, counts: IntArray) -> tuple[FloatArray, FloatArray]:
    """Leave out what no set has, and split many values between the nodes of a lattice, both (R, J).

    As the estimator does with more than `ATOMS` values.
    """
    seen = counts > 0
    most = int(seen.sum(axis=1).max())
    if most <= ATOMS:
        first = np.argsort(~seen, axis=1, kind="stable")[:, :most]
        kept = np.take_along_axis(counts, first, axis=1).astype(np.float64)
        return np.take_along_axis(values, first, axis=1), kept
    least, greatest = _ends(values, seen)
    step = np.maximum((greatest - least) / (ATOMS - 1), 1e-300)
    position = np.clip((values - least) / step, 0.0, ATOMS - 1.0)
    left = np.minimum(position.astype(np.intp), ATOMS - 2)
    right_part = position - left
    place = left + ATOMS * np.arange(len(values))[:, None]
    size = ATOMS * len(values)
    lattice: FloatArray = np.zeros(size)
    np.add.at(lattice, place.ravel(), (counts * (1.0 - right_part)).ravel())
    np.add.at(lattice, place.ravel() + 1, (counts * right_part).ravel())
    nodes = least + step * np.arange(ATOMS, dtype=np.float64)
    return nodes, lattice.reshape(len(values), ATOMS)


def _reversed(judge: FloatArray, human: FloatArray, labelled: IntArray) -> BoolArray:
    """Whether a judge's scores run against the experts', as `require_not_reversed` refuses it."""
    n = labelled.sum(axis=1)
    x, y = (part - _column(labelled @ part) / n[:, None] for part in (judge, human))
    products = (labelled * x * y).sum(axis=1)
    squares = (labelled * x**2).sum(axis=1) * (labelled * y**2).sum(axis=1)
    r = products / np.sqrt(np.maximum(squares, 1e-300))
    lead = np.arctanh(np.clip(r, -NEARLY_ONE, NEARLY_ONE)) * np.sqrt(np.maximum(n - 3.0, 0.0))
    return lead < special.ndtri(REFUSAL_RISK)
