"""Conversations in the forms of other tools, as their current releases write them."""

import json
from pathlib import Path

import pytest

from judge.files.decoding import Place, TableError
from judge.files.read import Node
from judge.importers.chat import chat_form, chat_turns, read_messages
from judge.importers.registry import read_of
from judge.records import Generation, Turn

TALK = [
    {"role": "system", "content": "You cook."},
    {"role": "user", "content": "How do I boil an egg?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "timer", "arguments": '{"m": 8}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "8 minutes set"},
    {"role": "user", "content": "And with milk?"},
]
REPLY = {"role": "assistant", "content": "Whisk it first."}


def written(tmp_path: Path, value: object, name: str = "file.json") -> Path:
    """Write a value as a JSON file."""
    path = tmp_path / name
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def shape(generation: Generation) -> list[tuple[str, str]]:
    """Give speaker and words of each turn."""
    return [(turn.role, turn.text) for turn in generation.messages]


EXPECTED = [
    ("system", "You cook."),
    ("user", "How do I boil an egg?"),
    ("assistant", 'timer\n{"m": 8}'),
    ("tool", "8 minutes set"),
    ("user", "And with milk?"),
    ("assistant", "Whisk it first."),
]


def test_chat_files_are_read_and_written_alike(tmp_path: Path) -> None:
    imported = read_of("chat", written(tmp_path, [{"messages": [*TALK, REPLY]}]))

    (made,) = imported.generations
    assert (made.id, made.prompt, made.response) == ("1", "And with milk?", "Whisk it first.")
    assert shape(made) == EXPECTED
    node = Node(chat_form(made.messages), "messages", Place(Path("f")))
    assert read_messages(node) == made.messages


def test_a_picture_is_named_and_survives_a_round_trip() -> None:
    content = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": "x"}]
    node = Node([{"role": "user", "content": content}, REPLY], "messages", Place(Path("f")))

    turns = read_messages(node)

    assert turns[0].content == "What is this?"
    assert turns[0].not_shown[0].startswith("image_url sha256:")
    assert read_messages(Node(chat_form(turns), "messages", Place(Path("f")))) == turns


def test_sharegpt_knows_calls_and_observations(tmp_path: Path) -> None:
    entry = {
        "id": "s1",
        "system": "You cook.",
        "conversations": [
            {"from": "human", "value": "How do I boil an egg?"},
            {"from": "function_call", "value": '{"name": "timer", "arguments": {"m": 8}}'},
            {"from": "observation", "value": "8 minutes set"},
            {"from": "human", "value": "And with milk?"},
            {"from": "gpt", "value": "Whisk it first."},
        ],
    }

    (made,) = read_of("sharegpt", written(tmp_path, [entry])).generations

    assert made.id == "s1"
    assert shape(made) == EXPECTED


def test_langfuse_traces_of_one_session_are_one_conversation(tmp_path: Path) -> None:
    def trace(name: str, at: str, given: object, gave: object) -> dict[str, object]:
        call = {"type": "GENERATION", "startTime": at, "model": "m-1", "input": given}
        helper = {"type": "GENERATION", "startTime": at, "input": "rate it", "output": "5"}
        return {
            "id": name,
            "sessionId": "s",
            "name": "cook",
            "timestamp": at,
            "observations": [{**call, "output": gave}, helper, {"type": "SPAN", "input": "x"}],
            "scores": [{"name": f"polite-{name}", "value": 1, "source": "API"}],
        }

    first = trace("t1", "2026-01-01T00:00:00Z", TALK[:2], {"role": "assistant", "content": "8."})
    second = trace("t2", "2026-01-01T00:01:00Z", {"messages": TALK}, REPLY)
    alone = {"id": "t3", "timestamp": "2026", "input": {"question": "Hi?"}, "output": "Hello."}

    imported = read_of("langfuse", written(tmp_path, {"data": [second, first, alone], "meta": {}}))

    talk, short = imported.generations
    assert (talk.id, talk.system, talk.group) == ("s", "m-1", "cook")
    assert shape(talk) == [*EXPECTED[:2], ("assistant", "8."), *EXPECTED]
    assert shape(short) == [("user", "Hi?"), ("assistant", "Hello.")]
    assert {score.criterion for score in imported.scores} == {"polite-t1", "polite-t2"}


def test_mlflow_traces_give_the_longest_call_of_a_chat_model(tmp_path: Path) -> None:
    def span(kind: str, given: object, gave: object, start: int) -> dict[str, object]:
        attributes = {
            "mlflow.spanType": json.dumps(kind),
            "mlflow.spanInputs": json.dumps(given),
            "mlflow.spanOutputs": json.dumps(gave),
        }
        return {"name": "s", "start_time_unix_nano": start, "attributes": attributes}

    gave = {"choices": [{"index": 0, "message": REPLY}]}
    trace = {
        "info": {
            "trace_id": "tr-1",
            "request_time": "2026-01-01T00:00:00Z",
            "trace_metadata": {"mlflow.trace.session": "s9"},
            "tags": {"mlflow.traceName": "cook"},
            "assessments": [
                {
                    "assessment_name": "polite",
                    "source": {"source_type": "HUMAN", "source_id": "ann"},
                    "feedback": {"value": True},
                }
            ],
        },
        "data": {
            "spans": [
                span("AGENT", {"x": 1}, "Whisk it first.", 1),
                span("CHAT_MODEL", {"model": "m-1", "messages": TALK}, gave, 3),
                span("CHAT_MODEL", {"model": "m-1", "messages": TALK[:2]}, gave, 2),
            ]
        },
    }

    imported = read_of("mlflow", written(tmp_path, trace))

    (made,) = imported.generations
    assert (made.id, made.system, made.group) == ("s9", "m-1", "cook")
    assert shape(made) == EXPECTED
    assert [(s.criterion, s.score, s.judge) for s in imported.scores] == [("polite", 1.0, "ann")]


PARTS = [
    {"role": "user", "parts": [{"type": "text", "content": "How do I boil an egg?"}]},
    {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "c1", "name": "timer", "arguments": {"m": 8}}],
    },
    {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "c1", "response": "8 minutes set"}],
    },
    {"role": "user", "parts": [{"type": "text", "content": "And with milk?"}]},
]
SAID = [{"role": "assistant", "parts": [{"type": "text", "content": "Whisk it first."}]}]


@pytest.mark.parametrize("form", ["otlp", "sdk", "lines"])
def test_opentelemetry_spans_are_read_in_each_form(tmp_path: Path, form: str) -> None:
    values = {
        "gen_ai.request.model": "m-1",
        "gen_ai.conversation.id": "k7",
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "You cook."}]),
        "gen_ai.input.messages": json.dumps(PARTS),
        "gen_ai.output.messages": json.dumps(SAID),
    }
    listed = [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]
    otlp = {"traceId": "ab", "spanId": "1", "startTimeUnixNano": "5", "attributes": listed}
    sdk = {"name": "chat", "context": {"trace_id": "0xab"}, "start_time": "2026", "attributes": {}}
    whole = {"resourceSpans": [{"scopeSpans": [{"spans": [otlp]}]}]}
    if form == "lines":
        path = tmp_path / "spans.jsonl"
        path.write_text(f"{json.dumps(whole)}\n{json.dumps({'resourceSpans': []})}\n")
    else:
        path = written(tmp_path, whole if form == "otlp" else [{**sdk, "attributes": values}])

    (made,) = read_of("opentelemetry", path).generations

    assert (made.id, made.system) == ("k7", "m-1")
    assert shape(made) == EXPECTED


def test_results_among_a_users_words_become_turns_of_the_tool() -> None:
    content = [
        {"type": "tool_result", "tool_use_id": "u1", "content": [{"type": "text", "text": "ok"}]},
        {"type": "text", "text": "Go on."},
    ]
    asked = [{"type": "tool_use", "id": "u1", "name": "run", "input": {"a": 1}}]
    messages = [{"role": "assistant", "content": asked}, {"role": "user", "content": content}]

    turns = chat_turns(Node(messages, "m", Place(Path("f"))), "user")

    assert [(turn.role, turn.text) for turn in turns] == [
        ("assistant", 'run\n{"a": 1}'),
        ("tool", "ok"),
        ("user", "Go on."),
    ]


def test_promptfoo_attacks_of_several_turns_are_conversations(tmp_path: Path) -> None:
    def result(number: int, response: object, raw: str) -> dict[str, object]:
        return {
            "testIdx": number,
            "promptIdx": 0,
            "provider": {"id": "p"},
            "prompt": {"raw": raw},
            "vars": {"q": number},
            "response": response,
            "score": 1,
        }

    history = [{"prompt": "a?", "output": "no"}, {"prompt": "b?", "output": "yes"}]
    noted = [*TALK[:2], {"role": "assistant", "content": "8."}, TALK[4], REPLY]
    rows = [
        result(0, {"output": "yes", "metadata": {"redteamHistory": history}}, "x"),
        result(1, {"output": "Whisk it first.", "metadata": {"messages": noted}}, "x"),
        result(2, {"output": "Whisk it first."}, json.dumps(TALK)),
        result(3, {"output": "plain"}, "How?"),
    ]

    made = read_of("promptfoo", written(tmp_path, {"results": {"results": rows}})).generations

    assert shape(made[0]) == [
        ("user", "a?"),
        ("assistant", "no"),
        ("user", "b?"),
        ("assistant", "yes"),
    ]
    assert [len(each.messages) for each in made] == [4, 5, 6, 0]
    assert made[3].prompt == "How?"


@pytest.mark.parametrize("tool", ["chat", "sharegpt", "langfuse", "mlflow", "opentelemetry"])
@pytest.mark.parametrize("value", [[], {}, [1], {"x": 1}, "text"])
def test_a_file_of_another_form_is_refused_in_one_line(
    tmp_path: Path, tool: str, value: object
) -> None:
    path = written(tmp_path, value)

    with pytest.raises(TableError) as error:
        read_of(tool, path)

    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_turns_compare_by_what_was_said() -> None:
    assert Turn(role="user", content="a") == Turn(role="user", content="a")


CALL = {"id": "c", "name": "f", "args": {"a": 1}}
ODD_MESSAGES: dict[str, tuple[list[dict[str, object]], list[tuple[str, str]]]] = {
    "calls as LangChain writes them": (
        [{"role": "assistant", "content": "", "tool_calls": [CALL]}],
        [("assistant", 'f\n{"a": 1}')],
    ),
    "calls and results as parts": (
        [
            {"role": "assistant", "content": [
                {"type": "text", "text": "Let me see."},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t", "content": "42"},
                {"type": "text", "text": "And?"},
            ]},
            {"role": "assistant", "content": "42."},
        ],
        [
            ("assistant", 'Let me see.\nf\n{"a": 1}'),
            ("tool", "42"),
            ("user", "And?"),
            ("assistant", "42."),
        ],
    ),
    "parts as Gemini writes them": (
        [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"b": 2}}}]},
            {"role": "model", "parts": [{"text": "two"}]},
        ],
        [("user", "hi"), ("assistant", 'f\n{"a": 1}'), ("tool", '{"b": 2}'), ("assistant", "two")],
    ),
    "a refusal in a member of its own": (
        [{"role": "assistant", "content": None, "refusal": "I can't."}],
        [("assistant", "I can't.")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD_MESSAGES)
def test_messages_of_other_makers_lose_no_word(name: str) -> None:
    messages, expected = ODD_MESSAGES[name]

    turns = read_messages(Node(messages, "messages", Place(Path("a.jsonl"))))

    assert [(turn.role, turn.text) for turn in turns] == expected


def test_langfuse_observations_are_gathered_by_trace(tmp_path: Path) -> None:
    row = {"traceId": "t", "sessionId": "s", "traceName": "cook", "model": "m"}
    asked = {"type": "GENERATION", "input": TALK[:2], "output": REPLY, "parentObservationId": "x"}
    rows = [
        {**row, **asked, "id": "b", "input": TALK, "startTime": "2026-11-01T00:00:02Z"},
        {**row, "id": "x", "type": "SPAN", "startTime": "2026-11-01T00:00:00Z"},
        {**row, **asked, "id": "a", "startTime": "2026-11-01T00:00:01Z"},
    ]

    (made,) = read_of("langfuse", written(tmp_path, {"data": rows, "meta": {}})).generations

    assert (made.id, made.system, made.group) == ("s", "m", "cook")
    assert shape(made) == EXPECTED
