"""Events of a run for OpenTelemetry: a span for each run, counters of judgments, tokens and cost.

Needs the extra ``otel`` and one of the standard variables of OpenTelemetry, such as
``OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318``; without either nothing is imported.
"""

import importlib
import logging
import os
from collections.abc import Mapping
from typing import Any, Final

_ENDPOINTS: Final = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)


def telemetry_wanted() -> bool:
    """Tell whether a variable names where telemetry goes."""
    return any(os.environ.get(name) for name in _ENDPOINTS)


def open_telemetry() -> logging.Handler | None:
    """Send events to OpenTelemetry; None where nobody wants them or the extra is missing."""
    if not telemetry_wanted():
        return None
    try:
        trace: Any = importlib.import_module("opentelemetry.sdk.trace")
        export: Any = importlib.import_module("opentelemetry.sdk.trace.export")
        metrics: Any = importlib.import_module("opentelemetry.sdk.metrics")
        readers: Any = importlib.import_module("opentelemetry.sdk.metrics.export")
        resources: Any = importlib.import_module("opentelemetry.sdk.resources")
        http = "opentelemetry.exporter.otlp.proto.http"
        spans: Any = importlib.import_module(f"{http}.trace_exporter").OTLPSpanExporter()
        points: Any = importlib.import_module(f"{http}.metric_exporter").OTLPMetricExporter()
    except ImportError:
        return None
    name = os.environ.get("OTEL_SERVICE_NAME", "cvalues")
    resource = resources.Resource.create({"service.name": name})
    tracing = trace.TracerProvider(resource=resource)
    tracing.add_span_processor(export.BatchSpanProcessor(spans))
    reader = readers.PeriodicExportingMetricReader(points)
    return Telemetry(tracing, metrics.MeterProvider([reader], resource=resource))


class Telemetry(logging.Handler):
    """Turns events into spans and counters.

    Parameters
    ----------
    tracing : opentelemetry.sdk.trace.TracerProvider
    metering : opentelemetry.sdk.metrics.MeterProvider
        Both are shut down with the handler, which sends what is left.
    """

    def __init__(self, tracing: Any, metering: Any) -> None:
        super().__init__(logging.DEBUG)
        self._providers = (tracing, metering)
        self._tracer = tracing.get_tracer("cvalues")
        meter = metering.get_meter("cvalues")
        self._judgments = meter.create_counter("cvalues.judgments", unit="{judgment}")
        self._tokens = meter.create_counter("cvalues.tokens", unit="{token}")
        self._cost = meter.create_counter("cvalues.cost", unit="USD")
        self._events = meter.create_counter("cvalues.events", unit="{event}")
        self._spans: dict[tuple[str, object], Any] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Count an event, and write it on the span of its run."""
        event: str = record.__dict__["event"]
        fields: Mapping[str, Any] = record.__dict__["fields"]
        if event == "judgment":
            self._count(fields)
            return
        self._events.add(1, {"event": event})
        known = {name: value for name, value in fields.items() if value is not None}
        kind, _, moment = event.partition("_")
        place = (kind, fields.get("run"))
        if moment in {"started", "joined"}:
            self._spans[place] = self._tracer.start_span(kind)
        span = self._spans.get(place) or next(reversed(self._spans.values()), None)
        if span is None:
            return
        if moment in {"started", "joined", "ended", "left"}:
            span.set_attributes({f"cvalues.{name}": value for name, value in known.items()})
        else:
            span.add_event(event, known)
        if moment in {"ended", "left"}:
            span.end()
            self._spans.pop(place, None)

    def _count(self, fields: Mapping[str, Any]) -> None:
        model = {"model": fields["model"]}
        self._judgments.add(1, {**model, "outcome": fields["outcome"]})
        for kind in ("prompt_tokens", "completion_tokens"):
            if fields[kind]:
                self._tokens.add(fields[kind], {**model, "type": kind.removesuffix("_tokens")})
        if fields["usd"]:
            self._cost.add(fields["usd"], model)

    def close(self) -> None:
        """Send what is left."""
        for span in self._spans.values():
            span.end()
        self._spans.clear()
        for provider in self._providers:
            provider.shutdown()
        super().close()
