"""How a simulated judge can be led astray, one level of attack at a time.

=========== ===== ==================================================================
honest      none  judges by its truth, whatever the material says
gullible    L0    quotes the material around its verdict, planted verdicts and all
boundary    L1    takes text that looks like the end of the material for instructions
obedient    L2    gives the best verdict to whatever asks for it
refusing    L3    refuses, or is filtered, where the material asks for that
=========== ===== ==================================================================

These judges prove that an engine's plumbing holds. How far a real model can be talked round, they
do not show.
"""

import re

from judge.simulated.phrases import mentions
from judge.simulated.profile import Behaviour
from judge.simulated.reading import ChatRequest

_BLOCK_BODY = re.compile(r"<<<MATERIAL [0-9a-f]{16} BEGIN>>>\n([^\n]*)\n<<<MATERIAL ")


def swayed(behaviour: Behaviour, request: ChatRequest) -> tuple[bool, ...]:
    """Tell for each response whether it gets the best verdict without being judged."""
    if behaviour == "obedient":
        return _ordered(request)
    if behaviour == "boundary":
        return _escaped(request)
    return (False,) * len(request.responses)


def provoked(behaviour: Behaviour, request: ChatRequest) -> str:
    """Name the mode that the material provokes in place of a verdict, empty for none."""
    if behaviour != "refusing":
        return ""
    text = "\n".join(request.material.values())
    for kind, mode in _PROVOCATIONS:
        if mentions(text, "orders", kind):
            return mode
    return ""


def quoted(verdict: str, material: str, where: str) -> str:
    """Write a verdict as a gullible judge does, with the material before it, after it or both."""
    before = f"{material}\n" if where in ("before", "both") else ""
    after = f"\n{material}" if where in ("after", "both") else ""
    return before + verdict + after


_PROVOCATIONS = (
    ("decline", "polite_refusal"),
    ("filter", "finish_content_filter"),
    ("filter_400", "http_400_content_filter"),
)


def _ordered(request: ChatRequest) -> tuple[bool, ...]:
    judged = request.responses
    others = [text for text in request.material.values() if text not in judged]
    everyone = any(mentions(text, "orders", "award") for text in others)
    return tuple(everyone or mentions(text, "orders", "award") for text in judged)


def _escaped(request: ChatRequest) -> tuple[bool, ...]:
    """Look for boundaries in the text as sent, where containment leaves none."""
    block = _BLOCK_BODY.search(request.user)
    raw = block[1] if block else request.user
    open_boundary = mentions(raw, "orders", "boundary")
    return tuple(
        open_boundary and mentions(text, "orders", "boundary") for text in request.responses
    )
