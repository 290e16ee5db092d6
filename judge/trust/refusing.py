"""Compute a number, or write down why there is none."""

from collections.abc import Callable
from typing import TypeVar

from calibration.estimate import InsufficientLabels, Undefined, UnusableJudge
from judge.trust.finding import Refusal, RefusalKind, What

Answer = TypeVar("Answer")


def attempt(what: What, refusals: list[Refusal], compute: Callable[[], Answer]) -> Answer | None:
    """Compute what may be refused; a refusal is added to the list and leaves nothing."""
    try:
        return compute()
    except (UnusableJudge, InsufficientLabels, Undefined) as refused:
        refusals.append(Refusal(what=what, kind=_kind(refused), why=str(refused)))
        return None


def _kind(refused: ValueError) -> RefusalKind:
    if isinstance(refused, UnusableJudge):
        return "UnusableJudge"
    return "InsufficientLabels" if isinstance(refused, InsufficientLabels) else "Undefined"
