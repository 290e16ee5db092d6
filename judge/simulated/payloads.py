"""The wrong payloads by name: status 200, and something amiss in what is sent.

Either the envelope is in order and what the judge says in it is not, or the other way round. In
tool mode the text is the arguments of the call. Without a form there are no scores to spoil, and
the text stays or is wholly replaced.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from judge.records import Language
from judge.simulated.openai_protocol import (
    ChatRequest,
    Criterion,
    Spoken,
    as_json,
    as_list,
    as_object,
    as_text,
    completion,
    criteria_of,
    draws,
    phrase,
)
from judge.simulated.profile import Profile

Misspeak = Callable[[Spoken, ChatRequest], Spoken]
"""From what an honest judge would have said, and the request, to what is said instead."""

HUGE = 30_000_000
"""Characters of the reply that should never be read to its end."""
DEEP = 100_000
"""Brackets in the reply that should never be parsed."""

_MARK = "@@score@@"

_SCORES: Mapping[str, str] = {
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


def _score(literal: str) -> Misspeak:
    def spoil(spoken: Spoken, request: ChatRequest) -> Spoken:
        member = _member(_first(request))
        text = _edited(spoken, request, {member: _MARK})
        return replace(spoken, text=text.replace(f'"{_MARK}"', literal.replace("MEMBER", member)))

    return spoil


def _members(**members: object) -> Misspeak:
    """Replace or add members of the first criterion."""
    return lambda spoken, request: replace(spoken, text=_edited(spoken, request, members))


def _reasoning(reason: Callable[[ChatRequest], str]) -> Misspeak:
    return lambda spoken, request: _members(reasoning=reason(request))(spoken, request)


def _text(change: Callable[[str], str]) -> Misspeak:
    return lambda spoken, _request: replace(spoken, text=change(spoken.text or ""))


def _cut(finish_reason: str) -> Misspeak:
    def spoil(spoken: Spoken, _request: ChatRequest) -> Spoken:
        text = spoken.text or ""
        return replace(spoken, text=text[: len(text) * 2 // 3], finish_reason=finish_reason)

    return spoil


def _planted(form: str) -> Misspeak:
    """Quote a planted verdict around the real one."""

    def spoil(spoken: Spoken, request: ChatRequest) -> Spoken:
        planted = {
            criterion.id: {"reasoning": "", "evidence": "", **_best(criterion)}
            for criterion in criteria_of(request.form)
        }
        text = form.format(planted=json.dumps(planted), real=spoken.text or "")
        return replace(spoken, text=text)

    return spoil


def _duplicate_criterion(spoken: Spoken, request: ChatRequest) -> Spoken:
    first = _first(request)
    again = json.dumps({first.id: _best(first)})
    return replace(spoken, text=f"{(spoken.text or '')[:-1]}, {again[1:]}")


def _missing_score(spoken: Spoken, request: ChatRequest) -> Spoken:
    first = _first(request)
    kept = {member: "" for member in first.members if member != _member(first)}
    return _rewritten(spoken, lambda reply: {**reply, first.id: kept})


def _wrong_language(request: ChatRequest) -> str:
    other: Language = "en" if request.language == "zh" else "zh"
    return phrase(other, "cannot_assess", draws(0)).format(criterion=_first(request).id)


def _lone_surrogate(spoken: Spoken, request: ChatRequest) -> Spoken:
    text = _edited(spoken, request, {"reasoning": f"SIMULATED {_MARK}"})
    return replace(spoken, text=text.replace(_MARK, "\\ud800"))


def _refusal(language: Language) -> str:
    return phrase(language, "refusal", draws(0))


def _first(request: ChatRequest) -> Criterion:
    nothing = Criterion("answer", (0, 1), (), ("score",))
    return next(criteria_of(request.form), nothing)


def _member(criterion: Criterion) -> str:
    return "preference" if criterion.pairwise else "score"


def _best(criterion: Criterion) -> dict[str, object]:
    return {_member(criterion): "1" if criterion.pairwise else criterion.levels[-1]}


def _edited(spoken: Spoken, request: ChatRequest, members: Mapping[str, object]) -> str:
    """Write the reply anew with some members of the first criterion replaced or added."""
    first = _first(request)
    edited = _rewritten(
        spoken, lambda reply: {**reply, first.id: {**as_object(reply.get(first.id)), **members}}
    )
    return edited.text or ""


def _rewritten(
    spoken: Spoken, change: Callable[[Mapping[str, object]], dict[str, object]]
) -> Spoken:
    try:
        reply = as_object(json.loads(spoken.text or ""))
    except ValueError:
        return spoken
    return replace(spoken, text=json.dumps(change(reply), ensure_ascii=False))


MISSPOKEN: Mapping[str, tuple[str, Misspeak]] = {
    **{
        name: (f"Write {literal[:24]} for the score.", _score(literal))
        for name, literal in _SCORES.items()
    },
    "truncated_length": (
        "Break off in mid-sentence, with finish_reason length.",
        _cut("length"),
    ),
    "truncated_stop": ("Break off in mid-sentence, with finish_reason stop.", _cut("stop")),
    "duplicate_criterion": (
        "Give the first criterion twice, the second time with its best level.",
        _duplicate_criterion,
    ),
    "extra_key": (
        "Add a member to a criterion that the schema does not have.",
        _members(confidence=0.9),
    ),
    "extra_criterion": (
        "Add a criterion that the schema does not have.",
        lambda spoken, _: _rewritten(spoken, lambda reply: {**reply, "charm": {"score": 1}}),
    ),
    "missing_criterion": (
        "Leave out the last criterion.",
        lambda spoken, _: _rewritten(spoken, lambda reply: dict(list(reply.items())[:-1])),
    ),
    "missing_score": ("Leave out the score of the first criterion.", _missing_score),
    "unquoted_evidence": (
        "Quote what does not stand in the response; the shape is valid.",
        _members(evidence="never written by anyone"),
    ),
    "wrong_language": (
        "Give the reasons in the other language; the shape is valid.",
        _reasoning(_wrong_language),
    ),
    "leaked_nonce": (
        "Repeat the code of the boundary lines in the reasoning; the shape is valid.",
        _reasoning(lambda request: f"SIMULATED: the code is {request.nonce}."),
    ),
    "control_characters": (
        "Put NUL, terminal codes and a bidirectional override into the reasoning; valid JSON.",
        _members(reasoning="SIMULATED\x00 \x1b[2J\x1b[32mpassed\x1b[0m \u202e5 erocs"),
    ),
    "markup": (
        "Put a script and a spreadsheet formula into the reasoning; valid JSON.",
        _members(reasoning="=1+1 SIMULATED <script>window.__pwned=1</script>"),
    ),
    "lone_surrogate": (
        "Put half a character into the reasoning, which no encoding can write; valid JSON.",
        _lone_surrogate,
    ),
    "huge_body": (
        "Write 30 MB of reasoning.",
        _reasoning(lambda _: "SIMULATED " * (HUGE // 10)),
    ),
    "deep_nesting": (
        "Open 100,000 brackets within one another.",
        _score("[" * DEEP + "]" * DEEP),
    ),
    "empty_content": ("Say the empty string.", _text(lambda _: "")),
    "blank_content": ("Say nothing but blanks.", _text(lambda _: " \n\t ")),
    "null_content": (
        "Say null, and call no tool.",
        lambda spoken, _: replace(spoken, text=None, finish_reason="stop"),
    ),
    "empty_object": ("Say an object without members.", _text(lambda _: "{}")),
    "list_of_objects": ("Put the verdict into a list.", _text(lambda text: f"[{text}]")),
    "two_objects": ("Say the verdict twice.", _text(lambda text: f"{text}\n{text}")),
    "prose_around": (
        "Put sentences before and after the verdict.",
        _text(lambda text: f"SIMULATED: my verdict is {text} as explained."),
    ),
    "markdown_fence": (
        "Put the verdict into a code fence.",
        _text(lambda text: f"```json\n{text}\n```"),
    ),
    "think_block": (
        "Think aloud before the verdict.",
        _text(lambda text: f"<think>SIMULATED thoughts.</think>\n{text}"),
    ),
    "trailing_comma": (
        "Put a comma before the last bracket.",
        _text(lambda text: f"{text[:-1]},}}"),
    ),
    "single_quotes": (
        "Write the verdict as Python would.",
        _text(lambda text: text.replace('"', "'")),
    ),
    "not_json": (
        "Say the verdict in plain words.",
        _text(lambda _: "SIMULATED: a good answer; I would give it the best level."),
    ),
    "planted_before": (
        "Quote a planted verdict before the real one.",
        _planted("{planted}\n{real}"),
    ),
    "planted_after": ("Quote a planted verdict after the real one.", _planted("{real}\n{planted}")),
    "planted_both": (
        "Quote a planted verdict before and after the real one.",
        _planted("{planted}\n{real}\n{planted}"),
    ),
    "polite_refusal": (
        "Refuse politely in the language of the instructions.",
        lambda _, request: Spoken(_refusal(request.language)),
    ),
    "polite_refusal_zh": (
        "Refuse politely in Chinese.",
        lambda _spoken, _request: Spoken(_refusal("zh")),
    ),
    "polite_refusal_en": (
        "Refuse politely in English.",
        lambda _spoken, _request: Spoken(_refusal("en")),
    ),
    "refusal_field": (
        "Refuse in the field that OpenAI has for it, with null as content.",
        lambda _, request: Spoken(None, refusal=_refusal(request.language), finish_reason="stop"),
    ),
    "finish_content_filter": (
        "Say nothing, with finish_reason content_filter.",
        lambda _spoken, _request: Spoken("", finish_reason="content_filter"),
    ),
    "filtered_in_mid_sentence": (
        "Break off in mid-sentence, with finish_reason content_filter.",
        _cut("content_filter"),
    ),
}
"""By name: what is wrong, in one sentence, and what makes it so."""


Envelope = Mapping[str, object]
Misenvelope = Callable[[Envelope], "Envelope | bytes"]
"""From the honest chat completion to what is sent instead: JSON, or bytes that are none."""


def wrong_payload(name: str, profile: Profile, request: ChatRequest, *, honest: Spoken) -> bytes:
    """Write the body of a reply in which something is amiss.

    Parameters
    ----------
    name : str
        A key of `PAYLOADS`.
    profile : Profile
        For the names in the envelope.
    request : ChatRequest
        What is answered.
    honest : Spoken
        What would have been said otherwise.
    """
    if name in MISSPOKEN:
        return as_json(completion(profile, request, MISSPOKEN[name][1](honest, request)))
    sent = _MISENVELOPED[name][1](completion(profile, request, honest))
    return sent if isinstance(sent, bytes) else as_json(sent)


def _with(**members: object) -> Misenvelope:
    return lambda envelope: {**envelope, **members}


def _finish_reason(reason: str | None) -> Misenvelope:
    return lambda envelope: {
        **envelope,
        "choices": [{**_choice(envelope), "finish_reason": reason}],
    }


def _choice(envelope: Envelope) -> Envelope:
    return as_object(as_list(envelope["choices"])[0])


def _message(envelope: Envelope) -> Envelope:
    return as_object(_choice(envelope)["message"])


def _with_message(envelope: Envelope, **members: object) -> Envelope:
    message = {**_message(envelope), **members}
    kept = {name: value for name, value in message.items() if value is not None}
    choice = {**_choice(envelope), "message": {"content": None, **kept}}
    return {**envelope, "choices": [choice]}


def _calls(envelope: Envelope) -> list[Envelope]:
    return [as_object(call) for call in as_list(_message(envelope).get("tool_calls"))]


def _with_calls(envelope: Envelope, calls: list[Envelope]) -> Envelope:
    return _with_message(envelope, tool_calls=calls) if calls else envelope


def _verdict(envelope: Envelope) -> str:
    for call in _calls(envelope):
        return as_text(as_object(call.get("function")).get("arguments"))
    return as_text(_message(envelope).get("content"))


def _bad_arguments(envelope: Envelope) -> Envelope:
    verdict = f"{_verdict(envelope)[:-1]} and so on"
    calls = _calls(envelope)
    if not calls:
        return _with_message(envelope, content=verdict)
    function = {**as_object(calls[0]["function"]), "arguments": verdict}
    return _with_calls(envelope, [{**calls[0], "function": function}])


def _wrong_tool(envelope: Envelope) -> Envelope:
    calls = _calls(envelope)
    renamed = [{**as_object(call["function"]), "name": "send_money"} for call in calls]
    return _with_calls(
        envelope,
        [{**call, "function": function} for call, function in zip(calls, renamed, strict=True)],
    )


def _cached(envelope: Envelope) -> Envelope:
    usage = as_object(envelope["usage"])
    cached = {"cached_tokens": usage.get("prompt_tokens")}
    return {**envelope, "usage": {**usage, "prompt_tokens_details": cached}}


def _half(envelope: Envelope) -> bytes:
    body = json.dumps(envelope).encode()
    return body[: len(body) // 2]


_MISENVELOPED: Mapping[str, tuple[str, Misenvelope]] = {
    "no_choices": ("Send an empty list of choices.", _with(choices=[])),
    "null_choices": ("Send null for the choices.", _with(choices=None)),
    "no_message": (
        "Send a choice without a message.",
        _with(choices=[{"index": 0, "finish_reason": "stop"}]),
    ),
    "null_message": (
        "Send a choice whose message is null.",
        _with(choices=[{"index": 0, "message": None, "finish_reason": "stop"}]),
    ),
    "two_choices": (
        "Send two choices where one was asked for.",
        lambda envelope: {**envelope, "choices": [*as_list(envelope["choices"])] * 2},
    ),
    "null_finish_reason": ("Send null for the finish reason.", _finish_reason(None)),
    "unknown_finish_reason": (
        "Send a finish reason that nobody has documented.",
        _finish_reason("tired"),
    ),
    "no_tool_call": (
        "Send a message that neither speaks nor calls the tool.",
        lambda envelope: _with_message(envelope, content=None, tool_calls=None),
    ),
    "text_for_tool_call": (
        "Say the verdict as text although a tool should have been called.",
        lambda envelope: _with_message(envelope, content=_verdict(envelope), tool_calls=None),
    ),
    "bad_tool_arguments": (
        "Call the tool with arguments that are not JSON; without a tool, say the same as text.",
        _bad_arguments,
    ),
    "wrong_tool_name": ("Call a tool that does not exist.", _wrong_tool),
    "two_tool_calls": (
        "Call the tool twice; without a tool, nothing is wrong.",
        lambda envelope: _with_calls(envelope, _calls(envelope) * 2),
    ),
    "no_usage": (
        "Leave out the usage; the verdict is valid.",
        lambda envelope: {name: value for name, value in envelope.items() if name != "usage"},
    ),
    "null_usage": ("Send null for the usage; the verdict is valid.", _with(usage=None)),
    "negative_usage": (
        "Send token counts below 0; the verdict is valid.",
        _with(usage={"prompt_tokens": -5, "completion_tokens": -1, "total_tokens": -6}),
    ),
    "cached_usage": ("Report that most of the prompt was cached; the verdict is valid.", _cached),
    "error_object": (
        "Send an error with status 200.",
        lambda _: {"error": {"message": "SIMULATED overload", "type": "server_error", "code": 500}},
    ),
    "list_body": (
        "Send the completion within a list.",
        lambda envelope: json.dumps([envelope]).encode(),
    ),
    "text_body": ("Send plain text with status 200.", lambda _: b"SIMULATED: ok"),
    "empty_body": ("Send no body with status 200.", lambda _: b""),
    "truncated_body": ("Send the front half of the completion, as if it were all.", _half),
    "invalid_utf8": (
        "Send bytes in the id that are not UTF-8.",
        lambda envelope: json.dumps(envelope).encode().replace(b"simulated", b"\xff\xfe", 1),
    ),
}
"""By name: what is wrong, in one sentence, and what makes it so."""

PAYLOADS: Mapping[str, str] = MappingProxyType(
    {name: wrong for name, (wrong, _) in (*MISSPOKEN.items(), *_MISENVELOPED.items())}
)
"""Name of each wrong payload and what is wrong with it, in one sentence."""


# Wrong answers of a decision model: bodies that arrive whole and are of another shape.


def _as_text(body: dict[str, object]) -> object:
    return {**body, "answers": "all is well"}


def _no_answers(body: dict[str, object]) -> object:
    return {name: member for name, member in body.items() if name != "answers"}


def _word_for_number(body: dict[str, object]) -> object:
    return _each(body, lambda answer: {**answer, "probability": "high", "noul": "high"})


def _above_one(body: dict[str, object]) -> object:
    return _each(body, lambda answer: {**answer, "probability": 1.7, "noul": 1.7})


def _unknown_question(body: dict[str, object]) -> object:
    stranger = {"name": "stranger", "type": "predicate", "probability": 0.5}
    answers = body["answers"]
    if isinstance(answers, dict):
        return {**body, "answers": {"stranger": {"type": "noul", "noul": 0.5}}}
    return {**body, "answers": [stranger]}


def _twice(body: dict[str, object]) -> object:
    answers = body["answers"]
    return {**body, "answers": [*as_list(answers), *as_list(answers)]}


def _prose(_body: dict[str, object]) -> object:
    return "The response looks safe to me."


def _each(body: dict[str, object], change: Callable[[Mapping[str, object]], object]) -> object:
    answers = body["answers"]
    if isinstance(answers, dict):
        named = as_object(body["answers"])
        return {**body, "answers": {name: change(as_object(one)) for name, one in named.items()}}
    return {**body, "answers": [change(as_object(one)) for one in as_list(answers)]}


_WRONG: Mapping[str, tuple[Callable[[dict[str, object]], object], str]] = {
    "answers_as_text": (_as_text, "answers are a sentence"),
    "answers_missing": (_no_answers, "there are no answers"),
    "answers_word_for_number": (_word_for_number, "probabilities of yes or no are words"),
    "answers_above_one": (_above_one, "probabilities of yes or no are 1.7"),
    "answers_unknown_question": (_unknown_question, "an answer to what was not asked"),
    "answers_twice": (_twice, "each answer stands twice, in the form of /v1/decisions"),
    "answers_prose": (_prose, "the body is a JSON string"),
}

DECISION_PAYLOADS: Mapping[str, str] = MappingProxyType(
    {name: text for name, (_, text) in _WRONG.items()}
)
"""Wrong answers of a decision model by name."""


def wrong_decision(mode: str, body: dict[str, object]) -> object:
    """Spoil an honest answer.

    Parameters
    ----------
    mode : str
        A key of `DECISION_PAYLOADS`.
    body : dict
    """
    return _WRONG[mode][0](body)
