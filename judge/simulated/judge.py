"""The simulated judge without its server: a request in, what it says out."""

import json
from collections.abc import Mapping
from typing import get_args

from judge.simulated.behaviour import quoted, swayed
from judge.simulated.candidate import candidate_text
from judge.simulated.draws import draws
from judge.simulated.phrases import phrase
from judge.simulated.profile import Behaviour, Profile
from judge.simulated.profile_file import read_profile
from judge.simulated.reading import BadRequest, ChatRequest
from judge.simulated.replies import Spoken
from judge.simulated.verdicts import Case, filled_form


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
