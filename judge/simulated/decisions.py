"""The simulated judge as a decision model: typed questions in, probabilities out.

What a real decision model knows is a log-odds of the truth. Here it is drawn so that, said as it
is, it would be right: given the truth it is normal, with means as far apart as its variance, which
makes the log-odds its own likelihood ratio. What is planted on top, by criterion and group, is a
factor and a shift of the log-odds: then the probability no longer means what it says.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from judge.simulated.judge import Case, behaviour_for, judged_level, swayed, true_level
from judge.simulated.openai_protocol import (
    BadRequest,
    ChatRequest,
    Criterion,
    Spoken,
    as_list,
    as_object,
    as_text,
    best_effort_model,
    draws,
    text_digest,
    tokens,
)
from judge.simulated.profile import Miscalibration, Profile

WireForm = Literal["decisions", "systemone"]
SUFFIX = ".cannot_assess"
_NORMAL = NormalDist()
_AS_IT_IS = Miscalibration()
_SPREAD = 0.6
"""How fast probabilities fall from the level that is reported, on scales of more than two."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One typed question, as it came."""

    name: str
    kind: str
    options: int
    """Levels or choices; 2 for a yes or no."""
    values: tuple[str, ...]
    """Names of a choice's options."""

    @property
    def criterion(self) -> Criterion:
        """The criterion behind it; its levels are counted from 0."""
        levels = tuple(int(v) if v.lstrip("-").isdigit() else n for n, v in enumerate(self.values))
        return Criterion(self.name.removesuffix(SUFFIX), levels, ("cannot_assess",), ("score",))


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """One request, read."""

    form: WireForm
    chat: ChatRequest
    """The same question as the chat judge would see it: material, model, forced modes."""
    asked: tuple[Asked, ...]


def read_decision_request(body: bytes, form: WireForm) -> DecisionRequest:
    """Read the body of a request in one of the two forms.

    Raises
    ------
    BadRequest
        If the body is not JSON, or has no model, no input or no questions.
    """
    try:
        request = as_object(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise BadRequest("We could not parse the JSON body of your request.") from error
    model, forced = best_effort_model(request)
    texts = _texts(request, form)
    asked = _asked(request, form)
    if not model or not texts or not asked:
        raise BadRequest("you must provide a model, something to judge and questions.")
    chat = ChatRequest(
        model=model,
        forced=forced,
        instructions="\n".join(texts[:-1]),
        user=texts[-1],
        form={one.name: one.criterion for one in asked if not one.name.endswith(SUFFIX)},
        rung="prompt",
        tool=None,
        seed="",
    )
    return DecisionRequest(form, chat, asked)


def _texts(request: Mapping[str, object], form: WireForm) -> list[str]:
    if form == "systemone":
        state = request.get("state")
        parts = as_object(state)
        return [as_text(text) for text in parts.values()] or [as_text(state)]
    given = request.get("input")
    if isinstance(given, str):
        return [given]
    return [as_text(as_object(message).get("content")) for message in as_list(given)]


def _asked(request: Mapping[str, object], form: WireForm) -> tuple[Asked, ...]:
    given = request.get("questions")
    if form == "systemone":
        named = [(name, as_object(one)) for name, one in as_object(given).items()]
    else:
        listed = [as_object(one) for one in as_list(given)]
        named = [(as_text(one.get("name")), one) for one in listed]
    return tuple(_question(name, one, form) for name, one in named)


def _question(name: str, given: Mapping[str, object], form: WireForm) -> Asked:
    kind = as_text(given.get("type"))
    if kind in {"predicate", "noul"}:
        return Asked(name, kind, 2, ("0", "1"))
    if form == "systemone":
        criteria = given.get("criteria")
        values = tuple(as_object(criteria)) or tuple(
            as_text(one).partition(":")[0] for one in as_list(criteria)
        )
    else:
        key = "label" if kind == "score" else "value"
        options = as_list(given.get("levels" if kind == "score" else "choices"))
        values = tuple(as_text(as_object(one).get(key)) for one in options)
    return Asked(name, kind, len(values), values)


def decision_response(profile: Profile, request: DecisionRequest) -> dict[str, object]:
    """Answer a request; the same request gets the same answer each time."""
    chat = request.chat
    draw = draws(profile.seed, *chat.identity)
    case = Case(profile, chat, draw, swayed(behaviour_for(profile, chat), chat))
    answers = {one.name: _answer(case, one, request.form) for one in request.asked}
    prompt_tokens = tokens(chat.instructions) + tokens(chat.user)
    given = {name: answer for name, answer in answers.items() if answer is not None}
    body: dict[str, object] = {
        "model": profile.served_model,
        "answers": given,
        "usage": {"input_tokens": prompt_tokens, "output_tokens": 0},
    }
    if request.form == "decisions":
        body["answers"] = [
            {"name": name, **(answer or {"type": "refusal"})} for name, answer in answers.items()
        ]
        body["usage"] = {
            "input_tokens": prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 0,
            "total_tokens": prompt_tokens,
        }
    return body


def _answer(case: Case, asked: Asked, form: WireForm) -> dict[str, object] | None:
    """Give one answer; None for a refusal."""
    criterion = asked.criterion
    if case.draw(f"refused {criterion.id}") < case.profile.probabilities.refusal:
        return None
    if asked.name.endswith(SUFFIX):
        unknown = case.draw(f"cannot assess {criterion.id}") < case.profile.cannot_assess
        return _yes(0.97 if unknown else 0.02, form)
    if asked.options == 2 and asked.kind in {"predicate", "noul"}:
        return _yes(yes_probability(case, criterion), form)
    return _graded(asked, _level_shares(case, criterion), form)


def yes_probability(case: Case, criterion: Criterion) -> float:
    """Give the probability of the higher of two levels, with what is planted."""
    if any(case.swayed):
        return 0.99
    planted = case.profile.probabilities
    response = case.request.responses[0]
    truth = true_level(case.profile, response, criterion) == criterion.levels[-1]
    if not planted.informative:
        truth = case.draw(f"coin {criterion.id}") < planted.prior
    prior = math.log(planted.prior / (1.0 - planted.prior))
    # Means apart as far as the variance: then the draw is the posterior log-odds of the truth.
    spread = planted.sharpness
    noise = _NORMAL.inv_cdf(min(max(case.draw(f"odds {criterion.id}"), 1e-9), 1.0 - 1e-9))
    odds = prior + (0.5 if truth else -0.5) * spread**2 + spread * noise
    wrong = _planted(case.profile, criterion.id, case.profile.groups.get(text_digest(response)))
    return 1.0 / (1.0 + math.exp(-max(min(wrong.factor * odds + wrong.shift, 30.0), -30.0)))


def _planted(profile: Profile, criterion: str, group: str | None) -> Miscalibration:
    fitting = [
        one
        for one in profile.probabilities.miscalibration
        if one.criterion in (None, criterion) and one.group in (None, group)
    ]
    return max(
        fitting,
        key=lambda one: (one.group is not None, one.criterion is not None),
        default=_AS_IT_IS,
    )


def _level_shares(case: Case, criterion: Criterion) -> list[float]:
    """Spread probability around the level that the judge would report."""
    level = judged_level(case.profile, case.request.responses[0], criterion, draw=case.draw)
    centre = criterion.levels.index(level)
    weights = [_SPREAD ** (2 * abs(place - centre)) for place in range(len(criterion.levels))]
    total = sum(weights)
    return [weight / total for weight in weights]


def _yes(probability: float, form: WireForm) -> dict[str, object]:
    if form == "systemone":
        return {"type": "noul", "noul": probability}
    return {"type": "predicate", "probability": probability}


def _graded(asked: Asked, shares: list[float], form: WireForm) -> dict[str, object]:
    place = max(range(len(shares)), key=shares.__getitem__)
    names = [str(n) for n in range(len(shares))] if asked.kind == "score" else list(asked.values)
    answer: dict[str, object] = {"type": asked.kind, "confidence": shares[place]}
    if asked.kind == "score":
        answer["score"] = sum(number * share for number, share in enumerate(shares))
    else:
        answer["choice"] = names[place]
    if form == "systemone":
        answer["probabilities"] = dict(zip(names, shares, strict=True))
        answer["legend"] = dict(zip(names, asked.values, strict=True))
        return answer
    answer["probabilities"] = [
        {"value": number, "label": label, "probability": share}
        if asked.kind == "score"
        else {"value": label, "probability": share}
        for number, (label, share) in enumerate(zip(asked.values, shares, strict=True))
    ]
    return answer


# The simulated judge's token log-probabilities: how sure it is where it writes a score.

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
