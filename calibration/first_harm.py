"""After how many turns sessions first turn unsafe: the corrected Kaplan-Meier curve.

A session ends unsafe at turn t, or is still safe when it ends and is then censored there. Labels
of some sessions, weighted by what the judge says of all (post-stratified), give the number of
sessions at risk Y and of first harms d at each turn, and the share still safe after turn t,

    S(t) = product over u <= t of (1 - d_u / Y_u).

Each labelled session adds a pseudo-value to S(t), S(t) (1 + its influence on log S(t)): 1 or 0
where nothing is censored, and with S(t) as their weighted mean. Strata are the judge's verdicts up
to turn t: failed, passed, or missing. The mean of a stratum has a Beta confidence distribution, as
a rate has, and the limits of S(t) meld those of the strata. A stratum counts as many labels as its
pseudo-values' spread is worth; where harms, or sessions read through turn t, are few, as many as
have a known outcome by then. Where fewer than 30 are still safe at t, that number moves towards
Peto's, those still safe over their share: the spread of a few sessions is itself badly known.

Like every Kaplan-Meier curve it assumes that sessions which end early would have turned unsafe as
often as those that go on. S sessions; turns count from 1; shares are fractions.

References
----------
Kaplan and Meier (1958), JASA 53(282), 457-481. Andersen, Klein and Rosthoj (2003), Biometrika
90(1), 15-27, pseudo-values. Peto et al. (1977), British J. Cancer 35(1), 1-39, the effective
number. Bayer, Fay and Graubard (2023), arXiv 2205.13494, melded limits. Zou
and Donner (2008), Stat. Med. 27(10), 1693-1702, equation 11, the difference. Royston and Parmar
(2013), BMC Med. Res. Methodol. 13:152, the restricted mean.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.estimate import Estimate, InsufficientLabels
from calibration.post_stratification import Stratum, melded_limits, point_value
from calibration.session_rates import (
    SessionTable,
    TurnTable,
    of_sessions,
    read_turns,
    session_table,
)
from calibration.validation import BoolArray, FloatArray, IntArray, check_share

_FEW = 5  # harms, or sessions read through a turn, below which their spread is not believed
_FEW_SAFE = 30  # sessions still safe below which Peto's number is believed the more
_FEW_AT_RISK = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeAfter:
    """The share of sessions that are still safe after a turn.

    Attributes
    ----------
    turn : int
        From 1.
    value, low, high : float
        Fractions.
    at_risk : int
        Labelled sessions that reach this turn unharmed, a plain count.
    harms : int
        Labelled sessions with their first harm at this turn.
    judge : float
        The same share by the judge alone.
    """

    turn: int
    value: float
    low: float
    high: float
    at_risk: int
    harms: int
    judge: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstHarmCurve:
    """When the sessions of one release first turn unsafe.

    Attributes
    ----------
    points : tuple of SafeAfter
        One for each turn from 1 to the longest session, or to the horizon.
    confidence : float
        Of each point by itself.
    n_sessions, n_labelled, n_harmed, n_censored : int
        All sessions; those that experts read; those of them with a harm, and without.
    warnings : tuple of str
    """

    points: tuple[SafeAfter, ...]
    confidence: float
    n_sessions: int
    n_labelled: int
    n_harmed: int
    n_censored: int
    warnings: tuple[str, ...] = ()

    def after(self, turn: int) -> SafeAfter:
        """Give the share still safe after a turn.

        Raises
        ------
        ValueError
            If no session has so many turns.
        """
        if not 1 <= turn <= len(self.points):
            raise ValueError(f"turn must lie in 1 to {len(self.points)}; got {turn}.")
        return self.points[turn - 1]

    @property
    def median(self) -> int | None:
        """First turn after which at most half are safe; None where more than half stay safe."""
        return next((each.turn for each in self.points if each.value <= 0.5), None)

    def safe_turns(self, horizon: int) -> Estimate:
        """Estimate the mean number of turns before the first harm, of the first ``horizon`` turns.

        Its limits add those of the curve's points, which rise and fall together.
        """
        self.after(horizon)
        points = self.points[: horizon - 1]
        return Estimate(
            value=1.0 + sum(each.value for each in points),
            low=1.0 + sum(each.low for each in points),
            high=1.0 + sum(each.high for each in points),
            confidence=self.confidence,
            method="restricted mean of the corrected Kaplan-Meier curve",
            n_judged=self.n_sessions,
            n_labelled=self.n_labelled,
            warnings=self.warnings,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sessions:
    """What experts and the judge say of when sessions fail.

    Attributes
    ----------
    turn : int array, shape (n,)
        Of the sessions read: first harm, or last turn read.
    harmed : bool array, shape (n,)
        Which of the two it is.
    read : bool array, shape (S,)
        Which sessions these are.
    fails, stops : float array, shape (S,)
        First turn that the judge fails, and first without a verdict; infinite where there is none.
    cell : int array, shape (S,)
        Inside which sessions were drawn at random.
    """

    turn: IntArray
    harmed: BoolArray
    read: BoolArray
    fails: FloatArray
    stops: FloatArray
    cell: IntArray

    def by_verdict(self, turn: int) -> "_Read":
        """Part the sessions by what the judge says of them up to a turn."""
        # Failed, no verdict before a fail, passed.
        said = np.where(
            self.fails <= np.minimum(turn, self.stops), 0, np.where(self.stops <= turn, 1, 2)
        )
        said = said + 3 * self.cell
        kinds, stratum = np.unique(said[self.read], return_inverse=True)
        sizes = np.array([float((said == kind).sum()) for kind in kinds])
        return _Read(
            turn=self.turn,
            harmed=self.harmed,
            stratum=stratum.astype(np.intp),
            sizes=sizes,
            unknown=1.0 - float(sizes.sum()) / said.size,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """The sessions that experts read, parted by the judge's verdicts up to a turn.

    Attributes
    ----------
    turn, harmed
        As in `_Sessions`.
    stratum : int array, shape (n,)
    sizes : float array, shape (H,)
        All sessions of each stratum that has labels.
    unknown : float
        Share of all sessions whose stratum has no label.
    """

    turn: IntArray
    harmed: BoolArray
    stratum: IntArray
    sizes: FloatArray
    unknown: float

    @property
    def counts(self) -> FloatArray:
        """Labelled sessions of each stratum, shape (H,)."""
        return np.bincount(self.stratum, minlength=self.sizes.size).astype(np.float64)

    @property
    def weight(self) -> FloatArray:
        """Sessions that each stands for, shape (n,)."""
        return (self.sizes / self.counts)[self.stratum]


def first_harm_curve(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    sessions: npt.ArrayLike,
    turns: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    horizon: int | None = None,
    confidence: float = 0.95,
) -> FirstHarmCurve:
    """Estimate the share of sessions that experts would still call safe after each turn.

    Parameters
    ----------
    judge, human : float array, shape (T,)
        Of each turn: 1 pass, 0 fail, NaN where there is none. An expert may stop at the first
        harm, or anywhere before it: the session counts up to the last turn read without a gap.
    sessions : array, shape (T,)
        Name of the session of each turn.
    turns : int array, shape (T,), optional
        Place of the turn in its session; without it, turns come in their order.
    strata : array, shape (T,), optional
        Cells inside which sessions were drawn at random, where some cells were drawn more often
        than others; one value a session.
    horizon : int, optional
        Last turn of the curve.
    confidence : float
        Two-sided coverage of each point, a fraction.

    Returns
    -------
    FirstHarmCurve

    Raises
    ------
    ValueError
        If an argument is malformed; the message names it.
    InsufficientLabels
        If fewer than 2 sessions were read from their first turn.

    Examples
    --------
    >>> import numpy as np
    >>> sessions = np.repeat(np.arange(80), 4)
    >>> judge = np.where(np.arange(320) % 32 == 6, 0.0, 1.0)
    >>> human = np.where(sessions < 40, judge, np.nan)
    >>> curve = first_harm_curve(judge, human, sessions=sessions)
    >>> [round(each.value, 3) for each in curve.points]
    [1.0, 1.0, 0.875, 0.875]
    """
    tail = 0.5 * (1.0 - check_share("confidence", confidence))
    if horizon is not None and horizon < 1:
        raise ValueError(f"horizon must be at least 1; got {horizon}.")
    table = read_turns(judge, human, sessions=sessions, turns=turns)
    each = session_table(table)
    read = _read(table, of_sessions(table, "strata", strata))
    last = min(int(table.lengths.max()), horizon or int(table.lengths.max()))
    points = _points(read, _judge_curve(table, last), last=last, tail=tail)
    return FirstHarmCurve(
        points=points,
        confidence=confidence,
        n_sessions=table.sessions,
        n_labelled=read.turn.size,
        n_harmed=int(read.harmed.sum()),
        n_censored=int((~read.harmed).sum()),
        warnings=_warnings(each, points),
    )


def compare_first_harm(
    first: FirstHarmCurve, second: FirstHarmCurve, *, turn: int
) -> tuple[Estimate, Estimate]:
    """Compare two releases by when their sessions first turn unsafe.

    Parameters
    ----------
    first, second : FirstHarmCurve
        Of the same confidence. Where both played the same scenarios the intervals are wider than
        need be, never shorter.
    turn : int
        The horizon, at most the length of the shorter curve.

    Returns
    -------
    (Estimate, Estimate)
        First minus second: of the share still safe after ``turn``, and of the mean number of turns
        before the first harm among the first ``turn``.

    Raises
    ------
    ValueError
        If the curves have different confidences, or one is shorter than ``turn``.
    """
    if first.confidence != second.confidence:
        raise ValueError(
            f"both curves need one confidence; got {first.confidence} and {second.confidence}."
        )
    ends = [(one.value, one.low, one.high) for one in (first.after(turn), second.after(turn))]
    means = [(x.value, x.low, x.high) for x in (first.safe_turns(turn), second.safe_turns(turn))]
    pair = first, second
    return (
        _difference(pair, ends, f"MOVER of the shares still safe after turn {turn}"),
        _difference(pair, means, f"MOVER of the mean safe turns of the first {turn}"),
    )


def _difference(
    pair: tuple[FirstHarmCurve, FirstHarmCurve],
    values: list[tuple[float, float, float]],
    method: str,
) -> Estimate:
    (a, a_low, a_high), (b, b_low, b_high) = values
    first, second = pair
    return Estimate(
        value=a - b,
        low=a - b - float(np.hypot(a - a_low, b_high - b)),
        high=a - b + float(np.hypot(a_high - a, b - b_low)),
        confidence=first.confidence,
        method=method,
        n_judged=first.n_sessions + second.n_sessions,
        n_labelled=first.n_labelled + second.n_labelled,
        warnings=tuple(dict.fromkeys((*first.warnings, *second.warnings))),
    )


def _read(table: TurnTable, cells: IntArray | None) -> _Sessions:
    harm, gap = table.first_of(table.human == 0.0), table.first_of(np.isnan(table.human))
    harmed = harm < gap
    until = np.where(harmed, harm, np.minimum(gap - 1.0, table.lengths))
    read = until >= 1.0
    if int(read.sum()) < 2:
        raise InsufficientLabels(
            f"{int(read.sum())} sessions were read from their first turn; at least 2 are needed."
        )
    return _Sessions(
        turn=until[read].astype(np.intp),
        harmed=harmed[read],
        read=read,
        fails=table.first_of(table.judge == 0.0),
        stops=table.first_of(np.isnan(table.judge)),
        cell=np.zeros(read.size, dtype=np.intp) if cells is None else cells,
    )


def _judge_curve(table: TurnTable, last: int) -> FloatArray:
    """Kaplan-Meier by the judge's verdicts alone; a session is censored at a missing verdict."""
    harm, gap = table.first_of(table.judge == 0.0), table.first_of(np.isnan(table.judge))
    until = np.minimum(np.minimum(harm, gap - 1.0), table.lengths).astype(np.intp)
    ones = np.ones(until.size)
    risk, harms = _tables(until, harm < gap, ones, last=last)
    return np.cumprod(1.0 - harms / np.maximum(risk, 1.0)).astype(np.float64)


def _tables(
    turn: IntArray, harmed: BoolArray, weight: FloatArray, *, last: int
) -> tuple[FloatArray, FloatArray]:
    """Weighted numbers at risk and of first harms at turns 1 to last, shape (last,) each."""
    reached = np.bincount(np.minimum(turn, last + 1), weights=weight, minlength=last + 2)
    risk = np.cumsum(reached[::-1])[::-1][1 : last + 1]
    harms = np.bincount(turn[harmed], weights=weight[harmed], minlength=last + 1)[1 : last + 1]
    return risk.astype(np.float64), harms.astype(np.float64)


def _points(
    sessions: _Sessions, judge: FloatArray, *, last: int, tail: float
) -> tuple[SafeAfter, ...]:
    ones = np.ones(sessions.turn.size)
    risk, harms = _tables(sessions.turn, sessions.harmed, ones, last=last)
    found: list[SafeAfter] = []
    for turn in range(1, last + 1):
        melded = _melded(_strata(sessions.by_verdict(turn), turn), tail=tail)
        # Other strata at each turn may lift an estimate above that before it; no share rises.
        before = found[-1].value if found else 1.0
        found.append(
            SafeAfter(
                turn=turn,
                value=min(melded.value, before),
                low=min(melded.low, before),
                high=melded.high,
                at_risk=int(risk[turn - 1]),
                harms=int(harms[turn - 1]),
                judge=float(judge[turn - 1]),
            )
        )
    return tuple(found)


def _pseudo_values(read: _Read, last: int) -> FloatArray:
    """Give what each labelled session adds to the share safe after a turn, shape (n,)."""
    weight = read.weight
    risk, harms = _tables(read.turn, read.harmed, weight, last=last)
    hazard = harms / np.where(risk > 0.0, risk, 1.0)
    turns = np.arange(1, last + 1)
    event = read.harmed[:, None] & (read.turn[:, None] == turns)
    reached = read.turn[:, None] >= turns
    # After a turn at which all at risk are harmed nothing is left to vary.
    left = risk * (1.0 - hazard)
    steps = (event - reached * hazard) / np.where(left > 0.0, left, np.inf)
    influence = -steps.sum(axis=1) * float(weight.sum())
    return (float(np.prod(1.0 - hazard)) * (1.0 + influence)).astype(np.float64)


def _strata(read: _Read, turn: int) -> tuple[Stratum, ...]:
    """Write what each stratum shows after a turn as passes among so many labels."""
    harmed = read.harmed & (read.turn <= turn)
    known = harmed | (read.turn > turn) | (~read.harmed & (read.turn == turn))
    values = _pseudo_values(read, turn)
    means = _within_bounds(read, values)
    found: list[Stratum] = []
    for place, size in enumerate(read.sizes.tolist()):
        here = read.stratum == place
        counts = int(harmed[here].sum()), int((known & ~harmed)[here].sum())
        labels = _effective(values[here], float(means[place]), counts)
        found.append(Stratum(size=size, passes=float(means[place]) * labels, labels=labels))
    if read.unknown > 0.0:
        rest = read.unknown / (1.0 - read.unknown) * float(read.sizes.sum())
        found.append(Stratum(size=rest, passes=0.0, labels=0.0))
    return tuple(found)


def _within_bounds(read: _Read, values: FloatArray) -> FloatArray:
    """Give the mean pseudo-value of each stratum, moved into 0 to 1 with the overall mean kept.

    Single pseudo-values, and with few labels their means, may lie a little outside.
    """
    sums = np.bincount(read.stratum, weights=values, minlength=read.sizes.size)
    raw = sums / read.counts
    total = float(read.sizes.sum())
    wanted = float(np.clip(read.sizes @ raw / total, 0.0, 1.0))
    means = np.clip(raw, 0.0, 1.0)
    given = float(read.sizes @ means / total)
    if given > wanted:
        return (means * (wanted / given)).astype(np.float64)
    return (1.0 - (1.0 - means) * ((1.0 - wanted) / max(1.0 - given, 1e-300))).astype(np.float64)


def _effective(values: FloatArray, mean: float, counts: tuple[int, int]) -> float:
    """Effective number of labels: by the spread of the values where both outcomes are not rare.

    ``counts`` are the sessions harmed, and those known to be safe through the turn.
    """
    labels, spread, safe = float(sum(counts)), float(values.var()), counts[1]
    if min(counts) >= _FEW and spread > 0.0:
        labels = min(mean * (1.0 - mean) / spread * values.size, float(values.size))
    if not 0 < safe < _FEW_SAFE or mean <= 0.0:
        return labels
    share = safe / _FEW_SAFE
    return labels**share * min(labels, safe / mean) ** (1.0 - share)


@dataclass(frozen=True, slots=True)
class _Melded:
    value: float
    low: float
    high: float


def _melded(strata: tuple[Stratum, ...], *, tail: float) -> _Melded:
    low, high = melded_limits(strata, tail=tail, strict=False)
    value = point_value(strata)
    return _Melded(value=value, low=min(low, value), high=max(high, value))


def _warnings(each: SessionTable, points: tuple[SafeAfter, ...]) -> tuple[str, ...]:
    said = ["Assumes that sessions which end early would have turned unsafe as often as others."]
    unread = int((each.opened & np.isnan(each.human)).sum())
    if unread:
        said.append(
            f"{unread} sessions were not read to their first harm or end; they count up to the "
            "first turn without a label."
        )
    thin = next((one.turn for one in points if one.at_risk < _FEW_AT_RISK), None)
    if thin is not None:
        said.append(f"From turn {thin} on, fewer than {_FEW_AT_RISK} labelled sessions remain.")
    return tuple(said)
