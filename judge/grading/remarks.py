"""The remarks that a judgment can carry, and which of them a gate heeds.

A remark says how a verdict came about or what was noticed on the way; it never changes a score.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from judge.records import Judgment

CACHED = "cached"
"""Taken over from another run."""

NEUTRAL = "neutral_frame"
"""Asked again in the neutral frame, after the judge had declined."""

SECOND = "second_judge"
"""Made by the second judge, after the first had declined."""

ESCALATED = "escalated"
"""Made by a cascade's second judge, because the first was uncertain."""

FLAG = "injection_suspected"
"""The judged text speaks to the judge; after a colon follows the rule that noticed it."""

RULE = "planted_verdict"
"""The rule of `FLAG` for a verdict that stands in the judged text."""

ECHO = "reply_in_material"
"""The rule of `FLAG` for a judge's reply that stands word for word in the judged text."""

PROMPT_CUT = "prompt_cut"
"""The server did not take the prompt whole."""

OTHER_MODEL = "other_model"
"""Another model answered than for most judgments of the same judge."""

HEEDED = frozenset({FLAG, PROMPT_CUT, OTHER_MODEL})
"""Remarks with which no verdict passes a gate before an expert has looked."""

HEEDED_WORDS = "addressed to the judge, prompt cut, or another model"
"""How a reason names the remarks of `HEEDED`."""


def is_heeded(judgment: "Judgment") -> bool:
    """Tell whether a gate lets a verdict count only beside an expert's label."""
    return not HEEDED.isdisjoint(judgment.flags)
