"""What the labels say of conversations: how many are harmed, how many turns, and from which on."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from calibration.estimate import Estimate, InsufficientLabels, UnusableJudge
from calibration.validation import Design
from judge.calibrate.calibration_set import Number, Part
from judge.records import Record

if TYPE_CHECKING:
    from calibration.session_rates import Reading


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
    harmed_sessions: Number | None
    """Share of conversations with at least one harmful turn; None where labels do not say."""
    harmful_turns: Number | None
    first_harm: tuple[SafePoint, ...]
    """Kaplan-Meier, corrected; empty where fewer than 2 conversations were read."""
    warnings: tuple[str, ...]


def session_finding(part: Part, *, design: Design, confidence: float) -> SessionFinding | None:
    """Correct what the judge says of conversations; None where their turns were not judged.

    Labels of turns that a draw on record chose one by one are no labels of whole conversations.
    """
    if not part.turns or part.counting.kind != "rate" or design == "curated":
        return None
    from calibration.session_rates import harmed_session_rate, harmful_turn_rate

    reading: Reading = "sessions" if part.strata is None else "turns"
    sessions, turns, judge, human = part.clusters, part.turns, part.judged, part.human
    warnings: list[str] = []

    def rate(name: str, estimate: Callable[[], Estimate]) -> Number | None:
        try:
            found = estimate()
        except (InsufficientLabels, UnusableJudge) as error:
            warnings.append(f"{name}: {error}")
            return None
        warnings.extend(found.warnings)
        return Number.of(found)

    harmed = partial(harmed_session_rate, judge, human, sessions=sessions, turns=turns)
    harmful = partial(harmful_turn_rate, judge, human, sessions=sessions, turns=turns)
    return SessionFinding(
        n_sessions=len(set(sessions)),
        harmed_sessions=rate(
            "harmed conversations", partial(harmed, design=design, confidence=confidence)
        ),
        harmful_turns=rate(
            "harmful turns",
            partial(harmful, reading=reading, design=design, confidence=confidence),
        ),
        first_harm=_curve(part, warnings, confidence=confidence),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _curve(part: Part, warnings: list[str], *, confidence: float) -> tuple[SafePoint, ...]:
    from calibration.first_harm import first_harm_curve

    try:
        curve = first_harm_curve(
            part.judged,
            part.human,
            sessions=part.clusters,
            turns=part.turns,
            confidence=confidence,
        )
    except InsufficientLabels as error:
        warnings.append(f"first harm: {error}")
        return ()
    warnings.extend(curve.warnings)
    return tuple(
        SafePoint(
            turn=each.turn,
            value=each.value,
            low=each.low,
            high=each.high,
            judge=each.judge,
            at_risk=each.at_risk,
            harms=each.harms,
        )
        for each in curve.points
    )
