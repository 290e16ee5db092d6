"""The simulated judge's token log-probabilities: how sure it is where it writes a score.

The level that it writes has the probability with which the simulated decision model is sure of a
verdict, and its neighbours share the rest. All other tokens are certain.
"""

import math
import re
from collections.abc import Iterator, Mapping

from judge.simulated.decisions import yes_probability
from judge.simulated.judge import Case, behaviour_for, swayed
from judge.simulated.openai_protocol import ChatRequest, Criterion, Spoken, draws
from judge.simulated.profile import Profile

_TOKEN = re.compile(r"\d+|\w+|\s+|[^\w\s]")
_SCORE = re.compile(r'"(\w+)": \{|(?<!\\)"score": (-?\d+)')
_FALL = 0.36
"""How fast the probability of other levels falls with their distance from the written one."""


def logprobs_of(profile: Profile, request: ChatRequest, spoken: Spoken) -> dict[str, object] | None:
    """Give the member ``logprobs`` of a choice; None where none was asked for or it has no text."""
    if not request.top_logprobs or request.tool or not spoken.text:
        return None
    draw = draws(profile.seed, *request.identity)
    case = Case(profile, request, draw, swayed(behaviour_for(profile, request), request))
    scores = dict(_scores(case, spoken.text))
    content = [
        _entry(piece[0], scores.get(piece.start(), {}), most=request.top_logprobs)
        for piece in _TOKEN.finditer(spoken.text)
    ]
    return {"content": content, "refusal": None}


def _scores(case: Case, text: str) -> Iterator[tuple[int, Mapping[str, float]]]:
    """Give, by the place of each written score, the probability of each level there."""
    criterion = ""
    for found in _SCORE.finditer(text):
        criterion = found[1] or criterion
        node = case.request.form.get(criterion)
        if found[2] is not None and isinstance(node, Criterion):
            yield found.start(2), _shares(case, node, int(found[2]))


def _shares(case: Case, criterion: Criterion, written: int) -> Mapping[str, float]:
    said = yes_probability(case, criterion)
    sure = max(said, 1.0 - said)
    others = {
        level: _FALL ** abs(level - written) for level in criterion.levels if level != written
    }
    total = sum(others.values())
    shares = {level: (1.0 - sure) * weight / total for level, weight in others.items()}
    return {str(level): share for level, share in {written: sure, **shares}.items()}


def _entry(text: str, shares: Mapping[str, float], *, most: int) -> dict[str, object]:
    listed = sorted((shares or {text: 1.0}).items(), key=lambda pair: -pair[1])[:most]
    top = [_alternative(token, share) for token, share in listed]
    return {**_alternative(text, shares.get(text, 1.0)), "top_logprobs": top}


def _alternative(token: str, share: float) -> dict[str, object]:
    logarithm = math.log(share) if share > 0.0 else -9999.0
    return {
        "token": token,
        "logprob": logarithm,
        "bytes": list(token.encode("utf-8", "surrogatepass")),
    }
