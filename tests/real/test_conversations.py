"""Conversations with tool calls as the real tools record them, read back turn by turn."""

import os
import subprocess
from pathlib import Path

import pytest

from judge.importers.registry import read_of
from judge.records import Generation
from judge.simulated.server import simulated_server
from tests.real.conftest import python_with

pytestmark = [pytest.mark.slow, pytest.mark.real]

TALK = """
CALL = {"id": "c1", "type": "function", "function": {"name": "timer", "arguments": '{"m": 8}'}}
TALK = [
    {"role": "system", "content": "You cook."},
    {"role": "user", "content": "How do I boil an egg?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "8 minutes set"},
    {"role": "user", "content": "And with milk?"},
]
"""

EXPECTED = [
    ("system", "You cook."),
    ("user", "How do I boil an egg?"),
    ("assistant", 'timer\n{"m": 8}'),
    ("tool", "8 minutes set"),
    ("user", "And with milk?"),
]

INSPECT = """
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import tool

@tool
def timer():
    async def execute(m: int):
        '''Set a timer.

        Args:
            m: Minutes.
        '''
        return f"{m} minutes set"
    return execute

replies = [
    ModelOutput.for_tool_call("mockllm/model", "timer", {"m": 8}),
    ModelOutput.from_content("mockllm/model", "Eight minutes are set."),
]
for reply in replies:
    reply.usage = ModelUsage(input_tokens=5, output_tokens=5, total_tokens=10)
task = Task(dataset=[Sample(input="Boil an egg.")], solver=[use_tools(timer()), generate()])
model = get_model("mockllm/model", custom_outputs=replies)
eval(task, model=model, log_format="json", log_dir="logs", display="none")
"""

MLFLOW = """
import os
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
import mlflow
from openai import OpenAI
mlflow.set_tracking_uri("file:./runs")
client = OpenAI(api_key="x")

def ask(messages):
    with mlflow.start_span("chat", span_type="CHAT_MODEL") as span:
        span.set_inputs({"model": "release-1", "messages": messages})
        reply = client.chat.completions.create(model="release-1", messages=messages)
        span.set_outputs(reply.model_dump())

with mlflow.start_span("cook"):
    ask(TALK[:2])
    ask(TALK)
mlflow.flush_trace_async_logging()
name = mlflow.get_last_active_trace_id()
mlflow.log_feedback(trace_id=name, name="polite", value=1.0)
open("trace.json", "w").write(mlflow.get_trace(name).to_json())
"""

LANGFUSE = """
import datetime, json
from openai import OpenAI
from langfuse.api.commons.types.observation_v2 import ObservationV2
from langfuse.api.observations.types.observations_v2response import ObservationsV2Response

client = OpenAI(api_key="x")
now = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)

def observed(name, messages, at):
    reply = client.chat.completions.create(model="release-1", messages=messages)
    return ObservationV2(
        id=name, trace_id="t1", start_time=now + datetime.timedelta(seconds=at), project_id="p",
        type="GENERATION", parent_observation_id="top", session_id="s1", trace_name="cook",
        model="release-1", input=messages,
        output=reply.choices[0].message.model_dump(exclude_none=True),
    )

top = ObservationV2(id="top", trace_id="t1", start_time=now, project_id="p", type="SPAN")
rows = [observed("b", TALK, 2), top, observed("a", TALK[:2], 1)]
page = ObservationsV2Response(data=rows, meta={"cursor": None})
json.dump(json.loads(page.json()), open("langfuse.json", "w"))
"""

OPENTELEMETRY = """
import base64, json
from google.protobuf.json_format import MessageToDict
from openai import OpenAI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

memory, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(memory))
trace.set_tracer_provider(provider)
OpenAIInstrumentor().instrument()
client = OpenAI(api_key="x")
with trace.get_tracer("t").start_as_current_span("agent"):
    client.chat.completions.create(model="release-1", messages=TALK[:2])
    client.chat.completions.create(model="release-1", messages=TALK)
spans = memory.get_finished_spans()
open("sdk.json", "w").write("[" + ",".join(span.to_json() for span in spans) + "]")
otlp = MessageToDict(encode_spans(spans))
for resource in otlp["resourceSpans"]:
    for scope in resource["scopeSpans"]:
        for span in scope["spans"]:
            # OTLP's own JSON has ids in hexadecimal digits.
            span["traceId"] = base64.b64decode(span["traceId"]).hex()
json.dump(otlp, open("otlp.json", "w"))
"""


def write(python: Path, program: str, folder: Path) -> None:
    """Let a tool write its files, with the simulated model under test."""
    (folder / "program.py").write_text(program, encoding="utf-8")
    with simulated_server({}) as server:
        subprocess.run(
            [python, "program.py"],
            cwd=folder,
            env={**os.environ, "OPENAI_BASE_URL": server.base_url},
            check=True,
            timeout=300,
            capture_output=True,
        )


def shape(generation: Generation) -> list[tuple[str, str]]:
    """Give speaker and words of each turn."""
    return [(turn.role, turn.text) for turn in generation.messages]


def test_inspect_logs_keep_calls_of_tools(home: Path, tmp_path: Path) -> None:
    write(python_with(home, "inspect", "inspect_ai", "openai"), INSPECT, tmp_path)
    (log,) = (tmp_path / "logs").glob("*.json")

    (made,) = read_of("inspect_ai", log).generations

    assert [role for role, _ in shape(made)] == ["user", "assistant", "tool", "assistant"]
    assert made.messages[1].tool_calls[0].name == made.messages[2].name == "timer"
    assert made.messages[2].content == "8 minutes set"
    assert made.response == "Eight minutes are set."


def test_mlflow_traces_keep_calls_of_tools_and_feedback(home: Path, tmp_path: Path) -> None:
    write(python_with(home, "mlflow", "mlflow-skinny", "openai"), TALK + MLFLOW, tmp_path)

    imported = read_of("mlflow", tmp_path / "trace.json")

    (made,) = imported.generations
    assert shape(made)[:-1] == EXPECTED
    assert made.messages[-1].role == "assistant"
    assert [(score.criterion, score.score) for score in imported.scores] == [("polite", 1.0)]


@pytest.mark.parametrize("file", ["sdk.json", "otlp.json"])
def test_opentelemetry_spans_keep_calls_of_tools(home: Path, tmp_path: Path, file: str) -> None:
    packages = ("opentelemetry-sdk", "opentelemetry-instrumentation-openai", "openai")
    exporter = "opentelemetry-exporter-otlp-proto-http"
    python = python_with(home, "openllmetry", *packages, exporter)
    write(python, TALK + OPENTELEMETRY, tmp_path)

    (made,) = read_of("opentelemetry", tmp_path / file).generations

    assert shape(made)[:-1] == EXPECTED
    assert made.messages[-1].role == "assistant"


def test_langfuse_observations_keep_calls_of_tools(home: Path, tmp_path: Path) -> None:
    """The page is made by the SDK's own models of the API; no server of Langfuse is at hand."""
    write(python_with(home, "langfuse", "langfuse", "openai"), TALK + LANGFUSE, tmp_path)

    (made,) = read_of("langfuse", tmp_path / "langfuse.json").generations

    assert shape(made)[:-1] == EXPECTED
    assert made.messages[-1].role == "assistant"
    assert (made.id, made.system, made.group) == ("s1", "release-1", "cook")
