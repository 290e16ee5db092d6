"""Conversations from traces (Langfuse, MLflow, OpenTelemetry) and from files of chats.

A trace holds many calls of a model, each with all messages before it. The call with the most
messages tells the conversation; calls beside it, such as those of helpers, are not part of it.
Traces of one session are joined in order of time.

Field names are those of Langfuse's API (https://langfuse.com/docs/api), of MLflow's `Trace.to_json`
(https://mlflow.org/docs/latest/genai/tracing) and of OpenTelemetry's conventions for generative
AI (https://opentelemetry.io/docs/specs/semconv/gen-ai), in OTLP's JSON or as the SDK prints spans.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from judge.conversation import last_reply
from judge.files.decoding import Place, open_plain, text_lines
from judge.files.read import MAX_DOCUMENT, Node, parse_json
from judge.importers.base import Collected, Imported, Score, name_of, number_of, score_of
from judge.importers.chat import chat_turns, joined, parsed, short_form
from judge.records import Generation, Role, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a model within a trace."""

    start: str
    """Time, or a number of nanoseconds, of one length within a file, so that texts compare."""
    turns: tuple[Turn, ...]
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One trace of a file."""

    node: Node
    id: str
    session: str | None
    start: str
    group: str | None
    calls: tuple[Call, ...]
    scores: tuple[tuple[str, float | None, str], ...] = ()
    """Name, value and source of what was said of the trace."""


def read_langfuse(path: str | Path, *, system: str | None = None) -> Imported:
    """Read traces or observations of Langfuse: one, a list, pages of its API, or one object a line.

    Scores are those of the traces; observations, as its API of version 2 gives them, have none. A
    `system` stands for the models that the traces name.

    Raises
    ------
    TableError
        If the file holds no traces of Langfuse.
    """
    return _imported(_langfuse(entries(path, "data", "traces")), system)


def read_mlflow(path: str | Path, *, system: str | None = None) -> Imported:
    """Read traces of MLflow as `Trace.to_json` writes them: one, a list, or one a line."""
    return _imported(map(_mlflow, entries(path, "traces")), system)


def read_otel(path: str | Path, *, system: str | None = None) -> Imported:
    """Read spans of OpenTelemetry: OTLP's JSON, or spans as the SDK prints them."""
    return _imported(_otel(entries(path, "resourceSpans", "spans")), system)


def entries(path: str | Path, *lists: str) -> Iterator[Node]:
    """Give the objects of a file: one document, several one after the other, or lists of them."""
    source = Path(path)
    for node in _documents(source):
        if isinstance(node.value, list):
            yield from node.items()
            continue
        within = next((name for name in lists if isinstance(_value(node, name), list)), None)
        if within is None:
            yield node
        else:
            yield from node.items_of(within)


def _value(node: Node, name: str) -> object:
    found = node.get(name) if isinstance(node.value, dict) else None
    return None if found is None else found.value


def _documents(source: Path) -> Iterator[Node]:
    with open_plain(source) as file:
        lines = list(text_lines(file, source, None, longest=MAX_DOCUMENT))
    if source.suffix.lower() in {".jsonl", ".ndjson"}:
        for number, line in lines:
            if line.strip():
                place = Place(source, number)
                yield Node(parse_json(line, place, nan_is_null=True), "", place)
        return
    text = "".join(line for _, line in lines)
    place = Place(source)
    yield Node(parse_json(text, place, nan_is_null=True), "", place)


def _imported(traces: Iterable[Trace], system: str | None) -> Imported:
    """Join the traces of each session, and take each session as one conversation."""
    found = Collected()
    sessions: dict[str, list[Trace]] = {}
    for trace in traces:
        sessions.setdefault(trace.session or trace.id, []).append(trace)
    for name, parts in sessions.items():
        _keep(found, name, sorted(parts, key=lambda trace: trace.start), system=system)
    return found.all()


def _keep(found: Collected, name: str, traces: Sequence[Trace], *, system: str | None) -> None:
    calls = [call for trace in traces if (call := _longest(trace.calls)) is not None]
    turns = joined(call.turns for call in calls)
    first = traces[0]
    if last_reply(turns) is None:
        found.leave_out(first.node, "no reply of a model with its text is recorded")
        return
    prompt, response = short_form(turns)
    models = dict.fromkeys(call.model for call in calls if call.model)
    generation = Generation(
        id=name,
        prompt=prompt,
        response=response,
        messages=turns,
        system=system or next(iter(models), "default"),
        group=first.group,
    )
    found.keep(first.node, generation)
    for trace in traces:
        found.score(trace.node, _scores(trace, generation))


def _scores(trace: Trace, generation: Generation) -> Iterator[Score]:
    for name, value, judge in trace.scores:
        yield score_of(generation, name, value, judge=judge)


def _longest(calls: Sequence[Call]) -> Call | None:
    """Give the call with the most turns that ends with a reply; of several the last."""
    replied = [call for call in calls if last_reply(call.turns) is not None]
    return max(replied, key=lambda call: (len(call.turns), call.start), default=None)


def _text(node: Node | None) -> str | None:
    return None if node is None or node.value == "" else str(node.value)


def _json(node: Node | None) -> Node | None:
    return None if node is None else parsed(node)


# Langfuse.


def _langfuse(nodes: Iterable[Node]) -> Iterator[Trace]:
    """Give the traces of a file: as they stand there, or gathered from rows of observations."""
    rows: dict[str, list[Node]] = {}
    for node in nodes:
        trace = _text(node.get("traceId"))
        if trace is None or "observations" in node.fields():
            yield _langfuse_trace(node)
        else:
            rows.setdefault(trace, []).append(node)
    for name, observations in rows.items():
        yield _gathered(name, observations)


def _gathered(name: str, observations: Sequence[Node]) -> Trace:
    """Make a trace of its observations, which repeat its session and its name."""
    calls = [_observed(each) for each in observations if _is_generation(each)]
    top = next((each for each in observations if not _text(each.get("parentObservationId"))), None)
    own = _observed(top or observations[0])
    sessions = (_text(each.get("sessionId")) for each in observations)
    names = (_text(each.get("traceName")) for each in observations)
    return Trace(
        node=observations[0],
        id=name,
        session=next(filter(None, sessions), None),
        start=min(_text(each.get("startTime")) or "" for each in observations),
        group=next(filter(None, names), None),
        calls=tuple(calls) if _longest(calls) is not None else (own,),
    )


def _is_generation(node: Node) -> bool:
    return _text(node.get("type")) == "GENERATION"


def _langfuse_trace(node: Node) -> Trace:
    """Read a trace; one without observations has only what it was given and what it gave."""
    start = _text(node.get("timestamp")) or ""
    seen = [*node.items_of("observations")]
    calls = [_observed(each) for each in seen if _is_generation(each)]
    own = Call(start=start, turns=_exchange(node.get("input"), node.get("output")))
    return Trace(
        node=node,
        id=name_of(node.at("id")),
        session=_text(node.get("sessionId")),
        start=start,
        group=_text(node.get("name")),
        calls=tuple(calls) if _longest(calls) is not None else (own,),
        scores=tuple(
            (score.at("name").text(), number_of(score.get("value")), _source(score))
            for score in node.items_of("scores")
            if isinstance(score.value, dict)
        ),
    )


def _source(score: Node) -> str:
    return _text(score.get("source")) or "langfuse"


def _observed(node: Node) -> Call:
    return Call(
        start=_text(node.get("startTime")) or "",
        turns=_exchange(node.get("input"), node.get("output")),
        model=_text(node.get("model")),
    )


def _exchange(given: Node | None, gave: Node | None) -> tuple[Turn, ...]:
    """Read what a call was given and what it gave."""
    asked = () if given is None else chat_turns(parsed(given), "user")
    replied = () if gave is None else chat_turns(parsed(gave), "assistant")
    return (*asked, *replied)


# MLflow.


def _mlflow(node: Node) -> Trace:
    about = node.at("info")
    spans = [*node.at("data").items_of("spans")]
    kinds = {_attribute(span, "mlflow.spanType") for span in spans}
    wanted = {"CHAT_MODEL", "LLM"} & kinds
    calls = tuple(
        _mlflow_call(span)
        for span in spans
        if not wanted or _attribute(span, "mlflow.spanType") in wanted
    )
    meta = about.fields_of("trace_metadata") or about.fields_of("request_metadata")
    return Trace(
        node=node,
        id=name_of(about.get("trace_id") or about.at("request_id")),
        session=_text(meta.get("mlflow.trace.session")),
        start=(_text(about.get("request_time")) or _text(about.get("timestamp_ms")) or ""),
        group=_text(about.fields_of("tags").get("mlflow.traceName")),
        calls=calls,
        scores=tuple(_assessments(about)),
    )


def _attribute(span: Node, name: str) -> object:
    value = _json(span.fields_of("attributes").get(name))
    return None if value is None else value.value


def _mlflow_call(span: Node) -> Call:
    given = span.fields_of("attributes")
    inputs, outputs = given.get("mlflow.spanInputs"), given.get("mlflow.spanOutputs")
    known = _json(inputs)
    model = _value(known, "model") if known is not None else None
    start = _text(span.get("start_time_unix_nano")) or _text(span.get("start_time")) or ""
    return Call(
        start=start.rjust(20, "0"),
        turns=_exchange(inputs, outputs),
        model=model if isinstance(model, str) else None,
    )


def _assessments(about: Node) -> Iterator[tuple[str, float | None, str]]:
    for each in about.items_of("assessments"):
        feedback = each.get("feedback")
        if feedback is not None:
            source = _text(each.fields_of("source").get("source_id")) or "mlflow"
            name = each.get("assessment_name") or each.at("name")
            yield name.text(), number_of(feedback.get("value")), source


# OpenTelemetry.


@dataclass(frozen=True, slots=True)
class Span:
    """One span, whichever way it was written."""

    node: Node
    trace: str
    start: str
    values: dict[str, Node] = field(default_factory=dict[str, Node])


def _otel(entries: Iterator[Node]) -> Iterator[Trace]:
    spans = [span for entry in entries for span in _spans(entry)]
    traces: dict[str, list[Span]] = {}
    for span in spans:
        traces.setdefault(span.trace, []).append(span)
    for name, parts in traces.items():
        told = (_text(span.values.get("gen_ai.conversation.id")) for span in parts)
        yield Trace(
            node=parts[0].node,
            id=name,
            session=next(filter(None, told), None),
            start=min(span.start for span in parts),
            group=None,
            calls=tuple(_otel_call(span) for span in parts),
        )


def _spans(entry: Node) -> Iterator[Span]:
    for resource in entry.items_of("resourceSpans"):
        yield from _spans(resource)
    for scope in entry.items_of("scopeSpans"):
        yield from _spans(scope)
    for span in entry.items_of("spans"):
        yield from _spans(span)
    if "attributes" in entry.fields() and {"traceId", "context"} & entry.fields().keys():
        yield _span(entry)


def _span(node: Node) -> Span:
    trace = node.get("traceId") or node.at("context").at("trace_id")
    start = _text(node.get("startTimeUnixNano")) or _text(node.get("start_time")) or ""
    given = node.at("attributes")
    if isinstance(given.value, list):
        values = {each.at("key").text(): _any_value(each.at("value")) for each in given.items()}
    else:
        values = given.fields()
    return Span(node, trace.text().removeprefix("0x"), start.rjust(20, "0"), values)


def _any_value(node: Node) -> Node:
    """Unwrap a value of OTLP, which names its kind."""
    return Node(_plain(node.value), node.way, node.place)


def _plain(value: object) -> object:
    if not isinstance(value, dict):
        return value
    wrapped = cast("dict[str, object]", value)
    kind, inner = next(iter(wrapped.items()), ("", None))
    if kind in {"arrayValue", "kvlistValue"}:
        listed = cast("dict[str, list[object]]", inner or {}).get("values", [])
        if kind == "arrayValue":
            return [_plain(each) for each in listed]
        members = cast("list[dict[str, object]]", listed)
        return {str(each["key"]): _plain(each.get("value")) for each in members}
    if kind == "intValue" and isinstance(inner, str):
        return int(inner)
    return inner


def _otel_call(span: Span) -> Call:
    values = span.values
    told = _json(values.get("gen_ai.system_instructions"))
    given = _json(values.get("gen_ai.input.messages"))
    gave = _json(values.get("gen_ai.output.messages"))
    turns = (
        *(() if told is None else chat_turns(told, "system")),
        *(() if given is None else chat_turns(given, "user")),
        *(() if gave is None else chat_turns(gave, "assistant")),
    )
    model = _text(values.get("gen_ai.response.model")) or _text(values.get("gen_ai.request.model"))
    return Call(start=span.start, turns=turns or tuple(_numbered(span)), model=model)


def _numbered(span: Span) -> Iterator[Turn]:
    """Read the older form, with an attribute for each field of each message."""
    forms: tuple[tuple[str, Role], ...] = (
        ("gen_ai.prompt", "user"),
        ("gen_ai.completion", "assistant"),
    )
    for kind, role in forms:
        at = 0
        while (content := span.values.get(f"{kind}.{at}.content")) is not None:
            told = span.values.get(f"{kind}.{at}.role")
            value = {"role": role if told is None else told.value, "content": content.value}
            yield from chat_turns(Node(value, f"{kind}.{at}", span.node.place), role)
            at += 1


# Files of chats: one object a line with messages, and the ShareGPT form of training sets.


def read_chat(path: str | Path, *, system: str | None = None) -> Imported:
    """Read chats with ``messages``, as fine-tuning files have them; ids are as they stand.

    An entry without an id is named by its number, from 1.

    Raises
    ------
    TableError
        If the file is no JSON, or an entry holds no messages.
    """
    found = Collected()
    for number, entry in enumerate(entries(path, "data"), 1):
        turns = tuple(chat_turns(entry.at("messages"), "user"))
        _keep_chat(found, entry, turns, number=number, system=system)
    return found.all()


def read_sharegpt(path: str | Path, *, system: str | None = None) -> Imported:
    """Read chats in the form of ShareGPT: ``conversations`` of ``from`` and ``value``.

    ``function_call`` is a call of the assistant, ``observation`` the output of its tool.
    """
    found = Collected()
    for number, entry in enumerate(entries(path, "data"), 1):
        _keep_chat(found, entry, tuple(_shared(entry)), number=number, system=system)
    return found.all()


def _keep_chat(
    found: Collected, entry: Node, turns: tuple[Turn, ...], *, number: int, system: str | None
) -> None:
    if last_reply(turns) is None:
        found.leave_out(entry, "no reply of the assistant")
        return
    prompt, response = short_form(turns)
    given = entry.get("id")
    model = entry.get("model") or entry.get("system_name")
    found.keep(
        entry,
        Generation(
            id=str(number) if given is None else name_of(given),
            prompt=prompt,
            response=response,
            messages=turns,
            system=system or ("default" if model is None else model.text()),
        ),
    )


def _shared(entry: Node) -> Iterator[Turn]:
    told = entry.get("system")
    if told is not None and told.value:
        yield Turn(role="system", content=told.text())
    for node in entry.at("conversations").items():
        speaker = node.get("from") or node.at("role")
        value = node.get("value") or node.at("content")
        if speaker.value == "function_call":
            call = parsed(value)
            calls = call.items() if isinstance(call.value, list) else [call]
            asked = {"role": "assistant", "tool_calls": [each.value for each in calls]}
            yield from chat_turns(Node([asked], node.way, node.place), "assistant")
            continue
        spoken = {"role": speaker.value, "content": value.value}
        yield from chat_turns(Node([spoken], node.way, node.place), "user")
