"""How many sessions, and how many turns, experts would call harmful, from a judge and some labels.

A session is a dialogue or an agent's trace; its turns are the judged units. Turns of a session go
together, so the session is the cluster of every rate here. A session is harmed where at least one
of its turns fails. T turns in S sessions; a value is 1 where a turn passes and 0 where it fails,
as everywhere in this package, and the rates given back are of what fails, as fractions.

An expert reads a session from its start. Either every turn gets a label, or the reading ends at
the first harm; both settle whether the session is harmed. What partial labels leave open is
carried both ways: as if all of it passed and as if all of it failed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from calibration.estimate import Estimate, Interval, StratumCount
from calibration.estimators import estimate_rate, gate_rate
from calibration.validation import (
    BoolArray,
    Design,
    FloatArray,
    IntArray,
    check_binary,
    check_codes,
    check_ratings,
    check_same_length,
)

Reading: TypeAlias = Literal["sessions", "turns"]

READINGS: tuple[Reading, ...] = ("sessions", "turns")


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnTable:
    """Turns laid out in the order of sessions, and of turns within each.

    Attributes
    ----------
    judge, human : float array, shape (T,)
        1 pass, 0 fail, NaN missing.
    session : int array, shape (T,)
        Number of the session, from 0, ascending.
    start : int array, shape (S,)
        Where each session begins.
    order : int array, shape (T,)
        Place of each turn in the caller's arrays.
    """

    judge: FloatArray
    human: FloatArray
    session: IntArray
    start: IntArray
    order: IntArray

    @property
    def sessions(self) -> int:
        """Number of sessions S."""
        return self.start.size

    @property
    def lengths(self) -> IntArray:
        """Turns of each session, shape (S,)."""
        return np.diff(np.append(self.start, self.session.size))

    @property
    def place(self) -> IntArray:
        """Place of each turn in its session, from 1, shape (T,)."""
        return np.arange(self.session.size) - self.start[self.session] + 1

    def any_of(self, mask: BoolArray) -> BoolArray:
        """Tell of each session whether one of its turns is meant, shape (S,)."""
        return np.bincount(self.session[mask], minlength=self.sessions) > 0

    def first_of(self, mask: BoolArray) -> FloatArray:
        """Give the place of the first turn meant, shape (S,); infinite where there is none."""
        places = np.where(mask, self.place.astype(np.float64), np.inf)
        return np.minimum.reduceat(places, self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTable:
    """One value a session, shape (S,).

    Attributes
    ----------
    judge : float array
        1 where every turn passed, 0 where one failed, NaN where none failed and one is missing.
    human : float array
        The same by the labels, where they settle it; NaN elsewhere.
    opened : bool array
        Whether the session has a label at all.
    """

    judge: FloatArray
    human: FloatArray
    opened: BoolArray

    @property
    def unsettled(self) -> BoolArray:
        """Sessions with labels that leave open whether they are harmed."""
        return self.opened & np.isnan(self.human)


def read_turns(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    sessions: npt.ArrayLike,
    turns: npt.ArrayLike | None = None,
) -> TurnTable:
    """Check the arrays of one system and lay its turns out by session.

    Parameters
    ----------
    judge, human : float array, shape (T,)
        1 pass, 0 fail, NaN where there is no verdict or label.
    sessions : array, shape (T,)
        Name of the session of each turn.
    turns : int array, shape (T,), optional
        Place of the turn in its session; without it, turns come in their order.

    Returns
    -------
    TurnTable

    Raises
    ------
    ValueError
        If an argument is malformed, or a turn of a session stands there twice; it is named.
    """
    verdicts = check_ratings("judge", judge, (0.0, 1.0))
    labels = check_ratings("human", human, (0.0, 1.0))
    check_same_length(judge=verdicts, human=labels)
    check_binary("judge", verdicts)
    check_binary("human", labels)
    codes = check_codes("sessions", sessions, verdicts.size)
    if codes is None:
        raise ValueError("sessions must name the session of each turn; got None.")
    places = _places(turns, codes)
    order = np.lexsort((places, codes))
    codes, places = codes[order], places[order]
    twice = (np.diff(codes) == 0) & (np.diff(places) == 0)
    if twice.any():
        at = int(order[int(np.flatnonzero(twice)[0]) + 1])
        raise ValueError(f"turns holds a turn of one session twice; see entry {at}.")
    return TurnTable(
        judge=verdicts[order],
        human=labels[order],
        session=codes,
        start=np.flatnonzero(np.append(True, np.diff(codes) > 0)).astype(np.intp),
        order=order.astype(np.intp),
    )


def _places(turns: npt.ArrayLike | None, codes: IntArray) -> FloatArray:
    if turns is None:
        return np.arange(codes.size, dtype=np.float64)
    places = np.asarray(turns, dtype=np.float64)
    if places.shape != codes.shape:
        raise ValueError(
            f"turns must have one entry for each of {codes.size} turns; got {places.shape}."
        )
    if not bool(np.isfinite(places).all()):
        raise ValueError("turns must be whole numbers; a place is missing or infinite.")
    return places


def session_table(table: TurnTable) -> SessionTable:
    """Settle each session by its turns.

    Returns
    -------
    SessionTable
        A label of harm settles a session where every turn before it is labelled, too: a harm
        found at a turn that was picked by itself would count every such session as harmed and no
        other as safe.
    """
    failed, missing = table.judge == 0.0, np.isnan(table.judge)
    judge = np.where(table.any_of(failed), 0.0, np.where(table.any_of(missing), np.nan, 1.0))
    unlabelled = np.isnan(table.human)
    harm, gap = table.first_of(table.human == 0.0), table.first_of(unlabelled)
    human = np.where(harm < gap, 0.0, np.where(np.isinf(gap), 1.0, np.nan))
    return SessionTable(judge=judge, human=human, opened=table.any_of(~unlabelled))


def harmed_session_rate(  # noqa: PLR0913 - as estimate_rate, with the turns' places
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    sessions: npt.ArrayLike,
    turns: npt.ArrayLike | None = None,
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    strict: bool = False,
) -> Estimate:
    """Estimate the share of sessions in which experts would find at least one harmful turn.

    The judge's verdict on a session is its worst; experts' labels of whole sessions correct it as
    :func:`calibration.estimate_rate` corrects items, with the session as the item.

    Parameters
    ----------
    judge, human : float array, shape (T,)
        Of each turn: 1 pass, 0 fail, NaN where there is none.
    sessions : array, shape (T,)
        Name of the session of each turn.
    turns : int array, shape (T,), optional
        Place of the turn in its session; without it, turns come in their order.
    design : {"random", "by-verdict", "curated"}
        How the labelled sessions were chosen: at random, at random among those with the same
        verdict of the judge, or by hand.
    clusters : array, shape (T,), optional
        What sessions share, such as the scenario that several of them play; one value a session.
    strata : array, shape (T,), optional
        Cells inside which sessions were drawn at random, where some cells were drawn more often
        than others; one value a session.
    confidence : float
        Two-sided coverage, a fraction.
    strict : bool
        Whether each limit errs with probability (1 - confidence) / 2 at most on its own, for
        gates.

    Returns
    -------
    Estimate
        ``n_judged`` and ``n_labelled`` count sessions. Sessions whose labels do not settle them
        are carried as safe and as harmed, and a warning counts them.

    Raises
    ------
    ValueError, InsufficientLabels, UnusableJudge
        As :func:`calibration.estimate_rate`; also if a session has two clusters or two strata.

    References
    ----------
    Bayer, Fay and Graubard (2023), arXiv 2205.13494, melded limits. Cochran (1977), Sampling
    Techniques, section 9A.1: whole clusters drawn are a simple random sample of clusters.

    Examples
    --------
    >>> import numpy as np
    >>> sessions = np.repeat(np.arange(60), 3)
    >>> judge = np.where(np.arange(180) % 30 == 4, 0.0, 1.0)
    >>> human = np.where(sessions < 30, judge, np.nan)
    >>> estimate = harmed_session_rate(judge, human, sessions=sessions)
    >>> round(estimate.value, 3), estimate.n_labelled
    (0.1, 30)
    """
    table = read_turns(judge, human, sessions=sessions, turns=turns)
    each = session_table(table)
    shared = of_sessions(table, "clusters", clusters)
    cells = of_sessions(table, "strata", strata)
    open_ones = int(each.unsettled.sum())

    def estimate(unknown: float) -> Estimate:
        labels = np.where(each.unsettled, unknown, each.human)
        aim = _Aim(design=design, strata=cells, confidence=confidence, strict=strict)
        return _rate(each.judge, labels, clusters=shared, aim=aim)

    said = (
        f"The labels of {open_ones} sessions do not settle whether they are harmed; these are "
        "carried as safe and as harmed. Label sessions up to the first harm, or to their end."
    )
    return harm(_both_ways(estimate, open_ones, said))


def harmful_turn_rate(  # noqa: PLR0913 - as estimate_rate, with the turns' places
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    sessions: npt.ArrayLike,
    turns: npt.ArrayLike | None = None,
    reading: Reading = "sessions",
    design: Design = "random",
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
    confidence: float = 0.95,
    strict: bool = False,
) -> Estimate:
    """Estimate the share of turns that experts would call harmful; sessions are the clusters.

    Parameters
    ----------
    judge, human, sessions, turns
        As in :func:`harmed_session_rate`.
    reading : {"sessions", "turns"}
        What was drawn for the experts: whole sessions, so that turns without a label in a session
        that has some were left out and may hold anything, or single turns.
    design : {"random", "by-verdict", "curated"}
        How they were chosen.
    clusters : array, shape (T,), optional
        What sessions share, one value a session; without it, each session is a cluster.
    strata : array, shape (T,), optional
        Cells inside which they were drawn at random, where some cells were drawn more often.
    confidence, strict
        As in :func:`harmed_session_rate`.

    Returns
    -------
    Estimate
        ``n_judged`` and ``n_labelled`` count turns.

    Raises
    ------
    ValueError, InsufficientLabels, UnusableJudge
        As :func:`calibration.estimate_rate`.

    References
    ----------
    Kish (1965), Survey Sampling, section 5.4; Korn and Graubard (1998), Survey Methodology 24(2).

    Examples
    --------
    >>> import numpy as np
    >>> sessions = np.repeat(np.arange(60), 3)
    >>> judge = np.where(np.arange(180) % 30 == 4, 0.0, 1.0)
    >>> human = np.where(sessions < 30, judge, np.nan)
    >>> estimate = harmful_turn_rate(judge, human, sessions=sessions)
    >>> round(estimate.value, 3), estimate.n_labelled
    (0.033, 90)
    """
    if reading not in READINGS:
        raise ValueError(f"reading must be one of {', '.join(READINGS)}; got {reading!r}.")
    table = read_turns(judge, human, sessions=sessions, turns=turns)
    unlabelled = np.isnan(table.human)
    opened = table.any_of(~unlabelled)[table.session]
    skipped = unlabelled & opened if reading == "sessions" else np.zeros_like(unlabelled)

    shared = of_sessions(table, "clusters", clusters)
    together = table.session if shared is None else shared[table.session]
    codes = check_codes("strata", strata, table.session.size)
    cells = None if codes is None else codes[table.order]

    def estimate(unknown: float) -> Estimate:
        labels = np.where(skipped, unknown, table.human)
        aim = _Aim(design=design, strata=cells, confidence=confidence, strict=strict)
        return _rate(table.judge, labels, clusters=together, aim=aim)

    left = int(skipped.sum())
    said = (
        f"{left} turns of sessions with labels have none themselves; they are carried as safe and "
        "as harmful. Where turns were drawn by themselves, say reading='turns'."
    )
    return harm(_both_ways(estimate, left, said))


def of_sessions(table: TurnTable, name: str, values: npt.ArrayLike | None) -> IntArray | None:
    """Give each session the one value that all its turns have, as a number; shape (S,).

    Raises
    ------
    ValueError
        If a session has two values; the message names the array and the entry.
    """
    codes = check_codes(name, values, table.session.size)
    if codes is None:
        return None
    codes = codes[table.order]
    first = codes[table.start]
    if bool((codes != first[table.session]).any()):
        at = int(table.order[int(np.flatnonzero(codes != first[table.session])[0])])
        raise ValueError(f"{name} gives one session two values; see entry {at}.")
    return first


@dataclass(frozen=True, slots=True, kw_only=True)
class _Aim:
    """How labels were drawn, and what is asked of the interval."""

    design: Design
    strata: IntArray | None
    confidence: float
    strict: bool


def _rate(
    judge: FloatArray, human: FloatArray, *, clusters: IntArray | None, aim: _Aim
) -> Estimate:
    estimate = partial(
        gate_rate if aim.strict else estimate_rate,
        judge,
        human,
        design=aim.design,
        clusters=clusters,
        strata=aim.strata,
    )
    if aim.strict:
        return estimate(error=0.5 * (1.0 - aim.confidence))
    return estimate(confidence=aim.confidence)


def _both_ways(estimate: Callable[[float], Estimate], unknown: int, said: str) -> Estimate:
    """Estimate with what is unknown as a fail and as a pass, and span both intervals."""
    worst = estimate(0.0)
    if unknown == 0:
        return worst
    best = estimate(1.0)
    return replace(
        worst,
        value=0.5 * (worst.value + best.value),
        low=min(worst.low, best.low),
        high=max(worst.high, best.high),
        n_labelled=worst.n_labelled - unknown,
        human_only=_span(worst.human_only, best.human_only),
        warnings=(*worst.warnings, said),
        strata=(),
    )


def _span(one: Interval | None, other: Interval | None) -> Interval | None:
    if one is None or other is None:
        return None
    return Interval(min(one.low, other.low), max(one.high, other.high))


def harm(passing: Estimate) -> Estimate:
    """Turn an estimate of what passes into one of what fails."""
    alone = passing.human_only
    return replace(
        passing,
        value=1.0 - passing.value,
        low=1.0 - passing.high,
        high=1.0 - passing.low,
        human_only=None if alone is None else Interval(1.0 - alone.high, 1.0 - alone.low),
        strata=tuple(_failing(one) for one in passing.strata),
    )


def _failing(stratum: StratumCount) -> StratumCount:
    return replace(stratum, mean=None if stratum.mean is None else 1.0 - stratum.mean)
