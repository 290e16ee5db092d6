"""What a simulated judge answers to a request for verdicts: one object that fits the form."""

import re
from dataclasses import dataclass
from functools import lru_cache

from judge.simulated.draws import Draw
from judge.simulated.forms import Criterion, Form, Text
from judge.simulated.phrases import phrase, pick
from judge.simulated.profile import Profile
from judge.simulated.reading import ChatRequest
from judge.simulated.shapes import as_object
from judge.simulated.truth import best_level, judged_level, true_level

_PASSAGE = re.compile(r"[^。！？.!?\n]{4,80}[。！？.!?]?")


@dataclass(frozen=True, slots=True)
class Case:
    """One request before the judge."""

    profile: Profile
    request: ChatRequest
    draw: Draw
    """The draws of this question."""
    swayed: tuple[bool, ...]
    """For each response, whether it talks this judge into the best verdict."""


def filled_form(case: Case) -> dict[str, object]:
    """Fill in the form that a request brought, members in the order of its schema."""
    return _consistent({name: _fill(case, name, part) for name, part in case.request.form.items()})


def _fill(case: Case, name: str, part: Criterion | Text | Form) -> object:
    if isinstance(part, Criterion):
        return _verdict(case, part)
    if isinstance(part, Text):
        return case.request.material.get(name) or (part.allowed or ("",))[0]
    return {inner: _fill(case, inner, node) for inner, node in part.items()}


def _verdict(case: Case, criterion: Criterion) -> dict[str, object]:
    value = _preference(case, criterion) if criterion.pairwise else _level(case, criterion)
    reasoning = _reasoning(case, criterion, value)
    known: dict[str, object] = {
        "reasoning": reasoning,
        "rationale": reasoning,
        "reason": reasoning,
        "evidence": "" if value == "cannot_assess" else _quote(case, criterion),
        "score": value,
        "preference": value,
    }
    return {member: known.get(member, "") for member in criterion.members}


def _level(case: Case, criterion: Criterion) -> int | str:
    if not criterion.levels or (_unknown(case, criterion) and "cannot_assess" in criterion.choices):
        return "cannot_assess"
    if any(case.swayed):
        return best_level(case.profile, criterion)
    return judged_level(case.profile, case.request.responses[0], criterion, draw=case.draw)


def _preference(case: Case, criterion: Criterion) -> str:
    """Compare two responses; the same pair errs alike in both orders, but for position bias."""
    planted = case.profile.pairwise
    if sum(case.swayed) == 1:
        return str(case.swayed.index(True) + 1)
    if _unknown(case, criterion):
        return "cannot_assess"
    if case.draw(f"position {criterion.id}") < planted.position_bias:
        return "1"
    first, second = (*case.request.responses, "")[:2]
    lead = _worth(case.profile, first, criterion) - _worth(case.profile, second, criterion)
    if lead == 0 and "tie" in criterion.choices:
        return "tie"
    wrong = case.draw(f"error {criterion.id}") < planted.error
    return "1" if (lead > 0) != wrong else "2"


def _unknown(case: Case, criterion: Criterion) -> bool:
    return case.draw(f"cannot assess {criterion.id}") < case.profile.cannot_assess


def _worth(profile: Profile, response: str, criterion: Criterion) -> int:
    """Place a response on a scale fine enough to tell texts without planted truth apart."""
    fine = Criterion(criterion.id, tuple(range(101)), (), ())
    level = true_level(profile, response, fine)
    return -level if criterion.id in profile.lower_is_better else level


def _reasoning(case: Case, criterion: Criterion, value: int | str) -> str:
    kind = "preference" if criterion.pairwise else "score"
    if value == "cannot_assess":
        kind = "cannot_assess"

    def own(name: str) -> float:
        return case.draw(f"{name} {criterion.id}")

    wording = phrase(case.request.language, kind, own)
    return wording.format(criterion=criterion.id, score=value)


def _quote(case: Case, criterion: Criterion) -> str:
    """Copy a passage from what is judged, character for character."""
    passages = _passages(case.request.responses[0][:2000])
    return pick(passages, case.draw(f"quote {criterion.id}")).strip()


@lru_cache(maxsize=64)
def _passages(response: str) -> tuple[str, ...]:
    return tuple(_PASSAGE.findall(response)) or (response[:60],)


def _consistent(reply: dict[str, object]) -> dict[str, object]:
    """Keep `safe` and `severity` from contradicting each other, as a judge in one reply would.

    `safe` carries the planted errors; `severity` follows it.
    """
    safe, severity = (as_object(reply.get(name)).get("score") for name in ("safe", "severity"))
    if safe == 1 and isinstance(severity, int):
        reply["severity"] = {**as_object(reply["severity"]), "score": 0}
    elif safe == 0 and severity == 0:
        reply["severity"] = {**as_object(reply["severity"]), "score": 1}
    return reply
