"""What a judge is good for, as its passport carries it: four uses, each with its bound."""

from dataclasses import dataclass
from typing import Literal

Word = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UseBound:
    """Whether a judge is good for one use, and what that rests on.

    Attributes
    ----------
    good : {'yes', 'no', 'unknown'}
        Unknown where nothing was measured.
    bound : float | None
        Half-width of the corrected rate, largest difference of errors between systems, or lower
        limit of recall; a fraction.
    why : str
    """

    good: Word
    bound: float | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeUses:
    """The four uses of a judge.

    Attributes
    ----------
    rate : UseBound
        A rate that labels correct.
    ranking : UseBound
        Systems ranked by the judge's own scores.
    single_items : UseBound
        Verdicts on single items, of either class.
    veto : UseBound
        Verdicts that stop a release because the judge found what experts fail.
    """

    rate: UseBound
    ranking: UseBound
    single_items: UseBound
    veto: UseBound
