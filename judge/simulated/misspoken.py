"""Wrong payloads, part one: the envelope is in order, what the judge says in it is not.

Each function takes what an honest judge would have said and the request, and spoils it in one
way; its docstring is the description that `PAYLOADS` shows. In tool mode the text is the arguments
of the call. Without a form there are no scores to spoil, and the text stays or is wholly replaced.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from judge.records import Language
from judge.simulated.draws import draws
from judge.simulated.forms import Criterion, criteria_of
from judge.simulated.phrases import phrase
from judge.simulated.reading import ChatRequest
from judge.simulated.replies import Spoken
from judge.simulated.shapes import as_object

Misspeak = Callable[[Spoken, ChatRequest], Spoken]

HUGE = 30_000_000
"""Characters of the reply that should never be read to its end."""
DEEP = 100_000
"""Brackets in the reply that should never be parsed."""

SCORE_LITERALS: Mapping[str, str] = {
    "wrong_type": '{"value": 1}',
    "array_score": "[1]",
    "nan": "NaN",
    "infinity": "Infinity",
    "overflow_number": "1e400",
    "huge_integer": "9" * 5000,
    "out_of_range": "99",
    "negative_score": "-1",
    "float_score": "1.0",
    "fractional_score": "0.5",
    "string_score": '"1"',
    "word_score": '"excellent"',
    "bool_score": "true",
    "null_score": "null",
    "duplicate_key": '0, "MEMBER": 1',
}
"""What stands where the first criterion's score should; MEMBER is the name of that member."""

_MARK = "@@score@@"


def with_score(literal: str) -> Misspeak:
    """Make a payload that writes this where the first criterion's score should stand."""

    def spoil(spoken: Spoken, request: ChatRequest) -> Spoken:
        member = _member(_first(request))
        text = _edited(spoken, request, {member: _MARK})
        return replace(spoken, text=text.replace(f'"{_MARK}"', literal.replace("MEMBER", member)))

    return spoil


def truncated_length(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Break off in mid-sentence, with finish_reason length."""
    return replace(spoken, text=_cut(spoken), finish_reason="length")


def truncated_stop(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Break off in mid-sentence, with finish_reason stop."""
    return replace(spoken, text=_cut(spoken), finish_reason="stop")


def duplicate_criterion(spoken: Spoken, request: ChatRequest) -> Spoken:
    """Give the first criterion twice, the second time with its best level."""
    first = _first(request)
    again = json.dumps({first.id: {member: _planted(first) for member in (_member(first),)}})
    return replace(spoken, text=f"{_text(spoken)[:-1]}, {again[1:]}")


def extra_key(spoken: Spoken, request: ChatRequest) -> Spoken:
    """Add a member to a criterion that the schema does not have."""
    return replace(spoken, text=_edited(spoken, request, {"confidence": 0.9}))


def extra_criterion(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Add a criterion that the schema does not have."""
    return _rewritten(spoken, lambda reply: {**reply, "charm": {"score": 1}})


def missing_criterion(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Leave out the last criterion."""
    return _rewritten(spoken, lambda reply: dict(list(reply.items())[:-1]))


def missing_score(spoken: Spoken, request: ChatRequest) -> Spoken:
    """Leave out the score of the first criterion."""
    first = _first(request)
    kept = {member: "" for member in first.members if member != _member(first)}
    return _rewritten(spoken, lambda reply: {**reply, first.id: kept})


def unquoted_evidence(spoken: Spoken, request: ChatRequest) -> Spoken:
    """Quote what does not stand in the response; the shape is valid."""
    return replace(spoken, text=_edited(spoken, request, {"evidence": "never written by anyone"}))


def wrong_language(spoken: Spoken, request: ChatRequest) -> Spoken:
    """Give the reasons in the other language; the shape is valid."""
    other: Language = "en" if request.language == "zh" else "zh"
    reason = phrase(other, "cannot_assess", draws(0)).format(criterion=_first(request).id)
    return replace(spoken, text=_edited(spoken, request, {"reasoning": reason}))


def leaked_nonce(spoken: Spoken, request: ChatRequest) -> Spoken:
    """Repeat the code of the boundary lines in the reasoning; the shape is valid."""
    reason = f"SIMULATED: the code is {request.nonce}."
    return replace(spoken, text=_edited(spoken, request, {"reasoning": reason}))


def control_characters(spoken: Spoken, request: ChatRequest) -> Spoken:
    """Put NUL, terminal codes and a bidirectional override into the reasoning; valid JSON."""
    reason = "SIMULATED\x00 \x1b[2J\x1b[32mpassed\x1b[0m \u202e5 erocs"
    return replace(spoken, text=_edited(spoken, request, {"reasoning": reason}))


def markup(spoken: Spoken, request: ChatRequest) -> Spoken:
    """Put a script and a spreadsheet formula into the reasoning; valid JSON."""
    reason = "=1+1 SIMULATED <script>window.__pwned=1</script>"
    return replace(spoken, text=_edited(spoken, request, {"reasoning": reason}))


def lone_surrogate(spoken: Spoken, request: ChatRequest) -> Spoken:
    """Put half a character into the reasoning, which no encoding can write; valid JSON."""
    text = _edited(spoken, request, {"reasoning": f"SIMULATED {_MARK}"})
    return replace(spoken, text=text.replace(_MARK, "\\ud800"))


def huge_body(spoken: Spoken, request: ChatRequest) -> Spoken:
    """Write 30 MB of reasoning."""
    return replace(
        spoken, text=_edited(spoken, request, {"reasoning": "SIMULATED " * (HUGE // 10)})
    )


def deep_nesting(spoken: Spoken, request: ChatRequest) -> Spoken:
    """Open 100,000 brackets within one another."""
    return with_score("[" * DEEP + "]" * DEEP)(spoken, request)


def empty_content(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Say the empty string."""
    return replace(spoken, text="")


def blank_content(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Say nothing but blanks."""
    return replace(spoken, text=" \n\t ")


def null_content(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Say null, and call no tool."""
    return replace(spoken, text=None, finish_reason="stop")


def empty_object(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Say an object without members."""
    return replace(spoken, text="{}")


def list_of_objects(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Put the verdict into a list."""
    return replace(spoken, text=f"[{_text(spoken)}]")


def two_objects(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Say the verdict twice."""
    return replace(spoken, text=f"{_text(spoken)}\n{_text(spoken)}")


def prose_around(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Put sentences before and after the verdict."""
    return replace(spoken, text=f"SIMULATED: my verdict is {_text(spoken)} as explained.")


def markdown_fence(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Put the verdict into a code fence."""
    return replace(spoken, text=f"```json\n{_text(spoken)}\n```")


def think_block(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Think aloud before the verdict."""
    return replace(spoken, text=f"<think>SIMULATED thoughts.</think>\n{_text(spoken)}")


def trailing_comma(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Put a comma before the last bracket."""
    return replace(spoken, text=f"{_text(spoken)[:-1]},}}")


def single_quotes(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Write the verdict as Python would."""
    return replace(spoken, text=_text(spoken).replace('"', "'"))


def not_json(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Say the verdict in plain words."""
    return replace(spoken, text="SIMULATED: a good answer; I would give it the best level.")


def planted_before(spoken: Spoken, request: ChatRequest) -> Spoken:
    """Quote a planted verdict before the real one."""
    return replace(spoken, text=f"{_planted_verdict(request)}\n{_text(spoken)}")


def planted_after(spoken: Spoken, request: ChatRequest) -> Spoken:
    """Quote a planted verdict after the real one."""
    return replace(spoken, text=f"{_text(spoken)}\n{_planted_verdict(request)}")


def planted_both(spoken: Spoken, request: ChatRequest) -> Spoken:
    """Quote a planted verdict before and after the real one."""
    return planted_after(planted_before(spoken, request), request)


def polite_refusal(_spoken: Spoken, request: ChatRequest) -> Spoken:
    """Refuse politely in the language of the instructions."""
    return Spoken(phrase(request.language, "refusal", draws(0)))


def polite_refusal_zh(_spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Refuse politely in Chinese."""
    return Spoken(phrase("zh", "refusal", draws(0)))


def polite_refusal_en(_spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Refuse politely in English."""
    return Spoken(phrase("en", "refusal", draws(0)))


def refusal_field(_spoken: Spoken, request: ChatRequest) -> Spoken:
    """Refuse in the field that OpenAI has for it, with null as content."""
    refusal = phrase(request.language, "refusal", draws(0))
    return Spoken(None, refusal=refusal, finish_reason="stop")


def finish_content_filter(_spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Say nothing, with finish_reason content_filter."""
    return Spoken("", finish_reason="content_filter")


def filtered_in_mid_sentence(spoken: Spoken, _request: ChatRequest) -> Spoken:
    """Break off in mid-sentence, with finish_reason content_filter."""
    return replace(spoken, text=_cut(spoken), finish_reason="content_filter")


def _first(request: ChatRequest) -> Criterion:
    nothing = Criterion("answer", (0, 1), (), ("score",))
    return next(criteria_of(request.form), nothing)


def _member(criterion: Criterion) -> str:
    return "preference" if criterion.pairwise else "score"


def _planted(criterion: Criterion) -> int | str:
    return "1" if criterion.pairwise else criterion.levels[-1]


def _planted_verdict(request: ChatRequest) -> str:
    planted = {
        criterion.id: {"reasoning": "", "evidence": "", _member(criterion): _planted(criterion)}
        for criterion in criteria_of(request.form)
    }
    return json.dumps(planted)


def _text(spoken: Spoken) -> str:
    return spoken.text or ""


def _cut(spoken: Spoken) -> str:
    return _text(spoken)[: len(_text(spoken)) * 2 // 3]


def _edited(spoken: Spoken, request: ChatRequest, members: Mapping[str, object]) -> str:
    """Write the reply anew with some members of the first criterion replaced or added."""
    first = _first(request)
    edited = _rewritten(
        spoken, lambda reply: {**reply, first.id: {**as_object(reply.get(first.id)), **members}}
    )
    return _text(edited)


def _rewritten(
    spoken: Spoken, change: Callable[[Mapping[str, object]], dict[str, object]]
) -> Spoken:
    try:
        reply = as_object(json.loads(_text(spoken)))
    except ValueError:
        return spoken
    return replace(spoken, text=json.dumps(change(reply), ensure_ascii=False))
