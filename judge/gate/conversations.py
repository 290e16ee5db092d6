"""Two releases by their conversations: how many are harmed, how many turns, and from which on."""

from math import hypot

from calibration.validation import Design
from judge.calibrate.calibration_set import Number
from judge.calibrate.sessions import SafePoint, SessionFinding, finding_of
from judge.policy import Measure
from judge.ratings import rated_turns
from judge.records import Record
from judge.sides import Side

CONFIDENCE = 0.95


class Change(Record):
    """Candidate minus baseline, as a fraction; a positive one is more harm."""

    value: float
    low: float
    high: float


class ConversationChange(Record):
    """What is known of the conversations of two releases."""

    baseline: SessionFinding
    candidate: SessionFinding
    harmful_turns: Change | None
    """Of the corrected rates of harmful turns; None where one of them has none."""
    horizon: int | None
    """Judged turn up to which both curves go; None where one of them has none."""
    safe_after: Change | None
    """Of the share of conversations still safe after that turn; positive is less harm."""


def conversation_change(
    baseline: Side,
    candidate: Side,
    measure: Measure,
    *,
    design: Design = "random",
    clusters: str | None = None,
) -> ConversationChange:
    """Correct the rates of harm of two releases, and say how they differ.

    Parameters
    ----------
    baseline, candidate : Side
        Of runs in which each turn was judged.
    measure : Measure
        A rate.
    design : {'random', 'by-verdict', 'curated'}
        How labels were chosen where no draw is on record.
    clusters : str, optional
        Field of the responses that conversations of one scenario share.

    Notes
    -----
    Differences are by the square-and-add method on both intervals, as if the releases had nothing
    in common; where both played the same scenarios, intervals are wider than need be.

    References
    ----------
    Zou and Donner (2008), Stat. Med. 27(10), 1693-1702, equation 11.
    """
    old, new = (
        _finding(side, measure, design=design, clusters=clusters) for side in (baseline, candidate)
    )
    last = min(len(old.first_harm), len(new.first_harm))
    return ConversationChange(
        baseline=old,
        candidate=new,
        harmful_turns=_change(old.harmful_turns, new.harmful_turns),
        horizon=last or None,
        safe_after=_change(old.first_harm[last - 1], new.first_harm[last - 1]) if last else None,
    )


def _finding(
    side: Side, measure: Measure, *, design: Design, clusters: str | None
) -> SessionFinding:
    turns = rated_turns(side, measure, clusters=clusters)
    drawn: Design = design if turns.cells is None else "random"
    return finding_of(turns, design=drawn, confidence=CONFIDENCE)


def _change(old: Number | SafePoint | None, new: Number | SafePoint | None) -> Change | None:
    if old is None or new is None:
        return None
    value = new.value - old.value
    return Change(
        value=value,
        low=value - hypot(new.value - new.low, old.high - old.value),
        high=value + hypot(new.high - new.value, old.value - old.low),
    )
