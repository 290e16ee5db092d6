"""The simulated judge without its server: a request in, what it says out.

How a simulated judge can be led astray, one level of attack at a time.

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

import json
import re
from collections.abc import Mapping
from typing import get_args

from judge.simulated.candidate import candidate_text
from judge.simulated.chat import BadRequest, ChatRequest, Spoken
from judge.simulated.draws import draws, mentions, phrase
from judge.simulated.profile import Behaviour, Profile
from judge.simulated.profile_file import read_profile
from judge.simulated.verdicts import Case, filled_form

_BLOCK_BODY = re.compile(r"<<<MATERIAL [0-9a-f]{16} BEGIN>>>\n([^\n]*)\n<<<MATERIAL ")


class SimulatedJudge:
    """A judge whose truth, errors and manners are planted.

    Parameters
    ----------
    profile : Profile, mapping or None
        What is planted; a mapping is read as a profile file would be. None for the defaults: no
        errors, no latency, no faults.

    Raises
    ------
    ProfileError
        If a mapping is no profile.
    """

    def __init__(self, profile: Profile | Mapping[str, object] | None = None) -> None:
        if profile is None:
            profile = Profile()
        elif not isinstance(profile, Profile):
            profile = read_profile(json.dumps(profile), source="profile")
        self.profile = profile

    def answer(self, request: ChatRequest) -> Spoken:
        """Say what this judge, or this model under test, says to a request.

        The same request gets the same answer each time, in any order; repeats differ where the
        request's `seed` does.
        """
        if not request.form:
            return Spoken(candidate_text(self.profile, request))
        draw = draws(self.profile.seed, *request.identity)
        if draw("refusal") < self.profile.refusal:
            return Spoken(phrase(request.language, "refusal", draw))
        behaviour = behaviour_for(self.profile, request)
        reply = filled_form(Case(self.profile, request, draw, swayed(behaviour, request)))
        verdict = json.dumps(reply, ensure_ascii=False)
        if behaviour != "gullible":
            return Spoken(verdict)
        return self._gullible(request, verdict)

    def _gullible(self, request: ChatRequest, verdict: str) -> Spoken:
        """Quote the responses; arguments of a tool call have no room for it beside them."""
        material = "\n".join(request.responses)
        if request.tool:
            return Spoken(verdict, aside=material)
        return Spoken(quoted(verdict, material, self.profile.quote))


def behaviour_for(profile: Profile, request: ChatRequest) -> Behaviour:
    """Give the behaviour that the request forces, otherwise the profile's.

    Raises
    ------
    BadRequest
        If the forced behaviour is not known.
    """
    forced = request.forced.get("as", profile.behaviour)
    for behaviour in get_args(Behaviour):
        if behaviour == forced:
            return behaviour
    raise BadRequest(f"unknown behaviour {forced!r}; known: {', '.join(get_args(Behaviour))}.")


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
