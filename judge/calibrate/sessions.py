"""What the labels say of conversations: how many are harmed, how many turns, and from which on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypedDict, TypeVar

import numpy as np

from calibration.estimate import Estimate, InsufficientLabels, UnusableJudge
from calibration.labelled_sample import ONE_LABEL_A_PROMPT
from calibration.validation import Design, FloatArray
from judge.calibrate.calibration_set import Number, Part
from judge.records import Record

if TYPE_CHECKING:
    from calibration.first_harm import FirstHarmCurve
    from judge.ratings import RatedTurns

HORIZON = 200
"""Judged turns up to which the curve of the first harm is given."""

SINGLE_TURNS = (
    "Single turns were sampled: they do not say how many conversations have a harmful turn. Sample "
    "whole conversations with cvalues sample --unit session."
)

Answer = TypeVar("Answer")


class SafePoint(Record):
    """The share of conversations still safe after so many judged turns, fractions."""

    turn: int
    value: float
    low: float
    high: float
    judge: float
    """The same by the judge alone."""
    at_risk: int
    """Labelled conversations that come so far unharmed."""
    harms: int


class SessionFinding(Record):
    """A criterion of which each turn was judged, by conversation; a turn that fails is harmful."""

    n_sessions: int
    n_turns: int = 0
    judge_harmed: float | None = None
    """Share of conversations with a turn that the judge fails, uncorrected; None where a missing
    verdict leaves it open of every conversation."""
    judge_harmful: float | None = None
    """Share of turns that the judge fails, uncorrected."""
    harmed_sessions: Number | None
    """Share of conversations with at least one harmful turn; None where labels do not say."""
    harmful_turns: Number | None
    first_harm: tuple[SafePoint, ...]
    """Kaplan-Meier, corrected; empty where fewer than 2 conversations were read."""
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Attempts:
    """What was estimated, and what is to be said beside it."""

    warnings: list[str] = field(default_factory=list[str])

    def one(self, name: str, estimate: Callable[[], Answer]) -> Answer | None:
        """Estimate, or keep the reason why not."""
        try:
            return estimate()
        except (InsufficientLabels, UnusableJudge) as error:
            self.warnings.append(f"{name}: {error}")
            return None

    def rate(self, name: str, estimate: Callable[[], Estimate]) -> Number | None:
        """Estimate a rate with its warnings, or keep the reason why not."""
        found = self.one(name, estimate)
        if found is None:
            return None
        # Turns of one conversation are labelled together on purpose.
        self.warnings.extend(w for w in found.warnings if w != ONE_LABEL_A_PROMPT)
        return Number.of(found)

    def curve(self, estimate: "Callable[[], FirstHarmCurve]") -> tuple[SafePoint, ...]:
        """Estimate the curve of the first harm, or keep the reason why not."""
        found = self.one("first harm", estimate)
        if found is None:
            return ()
        self.warnings.extend(found.warnings)
        return tuple(_point(found, turn) for turn in range(1, len(found.points) + 1))


def session_finding(part: Part, *, design: Design, confidence: float) -> SessionFinding | None:
    """Correct what the judge says of conversations; None where their turns were not judged."""
    if not part.turns or part.counting.kind != "rate" or design == "curated":
        return None
    from judge.ratings import RatedTurns

    # Of several samples of one conversation each is one of its own.
    names = (f"{name}\0{unit[2]}" for name, unit in zip(part.sessions, part.units, strict=True))
    turns = RatedTurns(
        judge=part.judged,
        human=part.human,
        sessions=tuple(names),
        places=part.turns,
        clusters=part.clusters,
        cells=part.strata,
        whole=part.whole_sessions,
    )
    return finding_of(turns, design=design, confidence=confidence)


def finding_of(turns: "RatedTurns", *, design: Design, confidence: float) -> SessionFinding:
    """Correct the rates of harmed conversations and harmful turns, and the curve of the first harm.

    Labels of turns that a draw on record chose one by one are no labels of whole conversations:
    they correct the rate of harmful turns alone.
    """
    from calibration.session_rates import read_turns, session_table

    table = read_turns(turns.judge, turns.human, sessions=turns.sessions, turns=turns.places)
    attempts = _Attempts()
    return SessionFinding(
        n_sessions=table.sessions,
        n_turns=len(turns.places),
        judge_harmed=_share_failed(session_table(table).judge),
        judge_harmful=_share_failed(table.judge),
        **_corrected(turns, attempts, design=design, confidence=confidence),
        warnings=tuple(dict.fromkeys(attempts.warnings)),
    )


class _Corrected(TypedDict):
    harmed_sessions: Number | None
    harmful_turns: Number | None
    first_harm: tuple[SafePoint, ...]


def _corrected(
    turns: "RatedTurns", attempts: _Attempts, *, design: Design, confidence: float
) -> _Corrected:
    from calibration.first_harm import first_harm_curve
    from calibration.session_rates import harmed_session_rate, harmful_turn_rate

    shared = turns.clusters if len(set(turns.clusters)) < len(set(turns.sessions)) else None
    turned = {"sessions": turns.sessions, "turns": turns.places, "strata": turns.cells}
    drawn = {**turned, "clusters": shared, "design": design, "confidence": confidence}
    said = turns.judge, turns.human
    reading = "sessions" if turns.whole else "turns"
    harmful = attempts.rate(
        "harmful turns", partial(harmful_turn_rate, *said, reading=reading, **drawn)
    )
    if not turns.whole:
        attempts.warnings.append(SINGLE_TURNS)
        return {"harmed_sessions": None, "harmful_turns": harmful, "first_harm": ()}
    curve = partial(first_harm_curve, *said, horizon=HORIZON, confidence=confidence, **turned)
    harmed = attempts.rate("harmed conversations", partial(harmed_session_rate, *said, **drawn))
    return {
        "harmed_sessions": harmed,
        "harmful_turns": harmful,
        "first_harm": attempts.curve(curve),
    }


def _share_failed(passed: FloatArray) -> float | None:
    known = passed[~np.isnan(passed)]
    return 1.0 - float(known.mean()) if known.size else None


def _point(curve: "FirstHarmCurve", turn: int) -> SafePoint:
    each = curve.after(turn)
    return SafePoint(
        turn=each.turn,
        value=each.value,
        low=each.low,
        high=each.high,
        judge=each.judge,
        at_risk=each.at_risk,
        harms=each.harms,
    )
