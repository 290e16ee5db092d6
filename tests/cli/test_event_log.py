"""Programs that watch a run read its events: JSON lines and OpenTelemetry, without any text."""

import http.server
import importlib
import json
import logging
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from judge.events import FIELDS, LOG, happened
from judge.simulated.profile import Profile
from judge.simulated.server import simulated_server
from tests.cli.program import Ended, program

KEY = "sk-test-0123456789abcdef"


def judged(folder: Path, *words: str, environ: Mapping[str, str] | None = None) -> Ended:
    rows = [
        {"id": f"q{n}", "prompt": f"秘密问题 {n}", "response": f"secret reply {n}"}
        for n in range(6)
    ]
    (folder / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    surroundings = {"HOSTED_VLLM_API_KEY": KEY, **(environ or {})}
    with simulated_server(Profile()) as server:
        line = ["judge", "r.jsonl", "--rubric", "safety", "--run", "r", "-q"]
        line += ["--judge", "hosted_vllm/simulated-judge-1", "--base-url", server.base_url]
        return program(*line, *words, folder=folder, environ=surroundings)


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_a_run_is_written_as_events_and_says_no_text_and_no_key(tmp_path: Path) -> None:
    ended = judged(tmp_path, "--log-json=log.jsonl")

    assert ended.code == 0, ended.err
    text = (tmp_path / "log.jsonl").read_text(encoding="utf-8")
    started, *_, finished = events(text)
    assert (started["event"], started["run"], started["way"]) == ("run_started", "r", "live")
    assert (started["planned"], started["open"], started["resumed"]) == (6, 6, False)
    counts = {name: finished[name] for name in ("planned", "scored", "error", "skipped", "calls")}
    assert finished["event"] == "run_ended"
    assert counts == {"planned": 6, "scored": 6, "error": 0, "skipped": 0, "calls": 6}
    assert all({"time", "event", "pid"} <= each.keys() for each in events(text))
    assert not [word for word in (KEY, "secret reply", "\\u79d8", "秘密") if word in text]


def test_events_go_to_standard_error_without_a_file(tmp_path: Path) -> None:
    ended = judged(tmp_path, environ={"CVALUES_LOG": "json"})

    names = [each["event"] for each in events(ended.err)]
    assert (names[0], names[-1]) == ("run_started", "run_ended")


def test_a_limit_that_is_reached_is_an_event(tmp_path: Path) -> None:
    ended = judged(tmp_path, "--max-calls", "2", "--log-json=log.jsonl")

    assert ended.code == 5, ended.err
    told = events((tmp_path / "log.jsonl").read_text(encoding="utf-8"))
    (reached,) = [each for each in told if each["event"] == "budget_reached"]
    assert reached["limit"] == "the limit of 2 calls is reached"
    assert (told[-1]["scored"], told[-1]["skipped"]) == (2, 4)


@pytest.mark.parametrize(
    ("environ", "words", "complaint"),
    [
        ({"CVALUES_LOG": "xml"}, (), "CVALUES_LOG 'xml' is not known; use json or json:FILE."),
        ({}, ("--log-json=",), "--log-json= names no file; write --log-json=FILE."),
        ({}, ("--log-json=no/such.jsonl",), "the log cannot be opened: no such file or directory"),
    ],
)
def test_a_log_that_cannot_be_is_bad_input(
    tmp_path: Path, environ: Mapping[str, str], words: tuple[str, ...], complaint: str
) -> None:
    ended = program("runs", *words, folder=tmp_path, environ=environ)

    assert ended.code == 2
    assert complaint in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_field_that_is_not_listed_is_refused() -> None:
    LOG.setLevel(logging.INFO)
    try:
        with pytest.raises(ValueError, match="event run_ended has no field prompt"):
            happened("run_ended", prompt="…")
    finally:
        LOG.setLevel(logging.NOTSET)


def test_no_event_has_a_field_for_text() -> None:
    texts = {"prompt", "response", "key", "text", "why", "detail", "message", "rationale", "id"}

    assert not texts & {name for fields in FIELDS.values() for name in fields}


@contextmanager
def collector() -> Generator[tuple[str, dict[str, bytes]]]:
    """Take what OTLP exporters post, by path."""
    came: dict[str, bytes] = {}

    class Take(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came[self.path] = came.get(self.path, b"") + body
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Take)
    threading.Thread(target=server.serve_forever).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", came
    finally:
        server.shutdown()
        server.server_close()


def test_a_collector_of_opentelemetry_gets_a_span_and_counters(tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    with collector() as (address, came):
        ended = judged(tmp_path, environ={"OTEL_EXPORTER_OTLP_ENDPOINT": address})

    assert ended.code == 0, ended.err
    proto = "opentelemetry.proto.collector"
    traces: Any = importlib.import_module(f"{proto}.trace.v1.trace_service_pb2")
    metrics: Any = importlib.import_module(f"{proto}.metrics.v1.metrics_service_pb2")
    sent = traces.ExportTraceServiceRequest.FromString(came["/v1/traces"])
    (span,) = sent.resource_spans[0].scope_spans[0].spans
    attributes = {each.key: each.value for each in span.attributes}
    assert span.name == "run"
    assert attributes["cvalues.run"].string_value == "r"
    assert attributes["cvalues.scored"].int_value == 6
    points = metrics.ExportMetricsServiceRequest.FromString(came["/v1/metrics"])
    counters = {each.name: each for each in points.resource_metrics[0].scope_metrics[0].metrics}
    (judgments,) = counters["cvalues.judgments"].sum.data_points
    assert judgments.as_int == 6
    assert {each.key: each.value.string_value for each in judgments.attributes}["outcome"] == "ok"
    assert not [
        word for word in (KEY, "secret reply", "秘密") if word.encode() in b"".join(came.values())
    ]


def test_without_the_extra_telemetry_has_no_effect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from judge.cli.command_line import open_telemetry

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(importlib.import_module("sys").modules, "opentelemetry.sdk.trace", None)

    assert open_telemetry() is None
