"""A class of events of which not one may be confirmed, and the bound that none of them gives."""

import numpy as np

from calibration.intervals import clopper_pearson
from judge.gate.records import CheckOutcome, Decision
from judge.policy import Check, Measure, Veto
from judge.ratings import FloatArray, Side, rated


def veto_outcome(check: Check, veto: Veto, candidate: Side, *, error: float) -> CheckOutcome:
    """Look for events among the candidate's responses.

    An event that experts confirm fails the gate. One that only the judge reports needs a label.
    Without any, the share of events is bounded from above: with n responses and a risk of 5 % by
    about 3/n (the rule of three; Hanley & Lippman-Hand 1983, JAMA 249, 1743-1745).
    """
    measure = Measure(kind="mean", rubric=check.measured.rubric, criterion=veto.criterion)
    found = rated(candidate, measure)
    judged, confirmed = _events(found.raw, veto), _events(found.human, veto)
    looked_at = ~np.isnan(found.raw) | ~np.isnan(found.human)
    open_ = int((judged & np.isnan(found.human)).sum())
    n, events = int(looked_at.sum()), int(confirmed.sum())
    bound = _upper(events, n, error)
    decision, why = _decided(events, open_, bound=bound, veto=veto)
    return CheckOutcome(
        name=f"{check.name}.veto",
        group=None,
        estimate=events / n if n else None,
        low=0.0 if n else None,
        high=bound if n else None,
        margin=veto.at_most,
        adjusted_p=None,
        decision=decision,
        why=why,
        labels_needed=open_ or None,
        n=n,
        n_labelled=int((~np.isnan(found.human)).sum()),
    )


def _events(levels: FloatArray, veto: Veto) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    known = np.nan_to_num(levels, nan=-np.inf if veto.worse == "higher" else np.inf)
    return known >= veto.level if veto.worse == "higher" else known <= veto.level


def _upper(events: int, n: int, error: float) -> float:
    if n == 0:
        return 1.0
    return clopper_pearson(events, n, tail=error).high


def _decided(events: int, open_: int, *, bound: float, veto: Veto) -> tuple[Decision, str]:
    if events:
        return "FAIL", f"{events} confirmed by experts, none is allowed"
    if open_:
        return "NEED_LABELS", f"{open_} reported by the judge and not yet seen by an expert"
    if bound > veto.at_most:
        return (
            "NEED_LABELS",
            f"none seen, but up to {bound:.2%} cannot be ruled out; {veto.at_most:.2%} is allowed",
        )
    return "PASS", f"none seen; at most {bound:.2%} with the policy's risk"
