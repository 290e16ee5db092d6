"""Start the program: its language, streams and event log, its commands, and how misuse is told."""

import gc
import importlib
import io
import json
import logging
import os
import sys
from collections.abc import Generator, Mapping, MutableSequence, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, TextIO, cast

import typer

from judge.cli import console
from judge.cli.interface import VARIABLE, language, shown, take_option, titled

_READERS: Final = frozenset({"calibrate", "report", "gate"})
"""Commands that hold all records of a run."""

_USAGE_ERROR: Final = cast("type[Exception]", typer.BadParameter.__base__)
"""What the library raises for unknown options, missing arguments and the like."""


def start(app: typer.Typer, words: MutableSequence[str]) -> None:
    """Run the command of a command line.

    Parameters
    ----------
    app : typer.Typer
        The program.
    words : list of str
        The command line without the program's name; ``--ui`` and ``--log-json`` are
        taken out of it.

    Raises
    ------
    SystemExit
        With the command's exit code, where it has one; 2 for misuse.
    """
    _let_readers_leave()
    take_option(words)
    take_log_option(words)
    _speak_what_can_be_shown()
    command = typer.main.get_command(app)
    try:
        with event_log(), _without_garbage_collection(words):
            code = command(list(words), prog_name="cvalues", standalone_mode=False)
    except _USAGE_ERROR as error:
        _tell(error)
        raise SystemExit(console.BAD_INPUT) from None
    if isinstance(code, int) and code:
        raise SystemExit(code)


@contextmanager
def _without_garbage_collection(words: Sequence[str]) -> Generator[None]:
    """Let commands that hold millions of records end without a search for circles among them.

    Python searches all it holds again and again while that grows, and finds nothing here.
    """
    reads = bool(words) and words[0] in _READERS
    if reads:
        gc.disable()
    try:
        yield
    finally:
        if reads:
            gc.enable()


def leave_files_to_readers(command: Any) -> None:
    """Let what reads a file say that it may not be read, as of every other fault of a file.

    The library looks first, and answers with the lines of a command that was called wrongly.
    """
    for param in command.params:
        kind: Any = getattr(param, "type_descriptor", None)
        declared: Any = getattr(kind, "parameter_info", None)
        if hasattr(declared, "readable"):
            declared.readable = False
    for below in getattr(command, "commands", {}).values():
        leave_files_to_readers(below)


class _Output(io.TextIOWrapper):
    """Standard output whose reader may leave early, as `head` does, without changing anything."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except BrokenPipeError:
            return self._abandoned(len(text))

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            self._abandoned(0)

    def _abandoned(self, count: int) -> int:
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
        return count


def _let_readers_leave() -> None:
    """Let no reader that leaves early end the program."""
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and not isinstance(out, _Output):
        encoding, errors, buffered = out.encoding, out.errors, out.line_buffering
        bare = cast("Any", out.detach())
        sys.stdout = _Output(bare, encoding=encoding, errors=errors, line_buffering=buffered)


def _speak_what_can_be_shown() -> None:
    """Fall back to English where the locale is Chinese and the console has no such letters."""
    if language() == "zh" and not os.environ.get(VARIABLE) and not _shows_chinese(sys.stdout):
        os.environ[VARIABLE] = "en"


def _shows_chinese(stream: TextIO) -> bool:
    try:
        "评审".encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _tell(error: Any) -> None:  # the library's classes have no public names
    context = getattr(error, "ctx", None)
    message = str(error.format_message())
    if context is None or "\n" in message:
        console.note(message)
        return
    usage = str(context.get_usage()).replace("Usage:", titled("Usage"), 1)
    for line in usage.splitlines():
        console.note(line)
    console.note(shown(f"Try '{context.command_path} --help' for help."))
    console.note(f"{titled('Error')} {shown(message)}")


# Events of a run for programs that watch it: JSON lines (`--log-json`) and OpenTelemetry.

LOG_VARIABLE: Final = "CVALUES_LOG"
"""``json`` for standard error or ``json:FILE``, where `--log-json` does not say it; workers that
this program starts inherit it."""

_LOG_OPTION: Final = "--log-json"


def take_log_option(words: MutableSequence[str]) -> None:
    """Take ``--log-json`` or ``--log-json=FILE`` out of a command line, wherever it stands.

    Raises
    ------
    judge.errors.ConfigError
        If FILE is empty.
    """
    for at, word in enumerate(words):
        if word == "--":
            return
        option, equals, file = word.partition("=")
        if option == _LOG_OPTION:
            if equals and not file:
                from judge.errors import ConfigError

                raise ConfigError("--log-json= names no file; write --log-json=FILE.")
            os.environ[LOG_VARIABLE] = f"json:{Path(file).absolute()}" if file else "json"
            del words[at]
            return


@contextmanager
def event_log() -> Generator[None]:
    """Write events for as long as the context lasts, where somebody wants them."""
    from judge.cli.command_line import telemetry_wanted

    wanted = os.environ.get(LOG_VARIABLE, "")
    if not wanted and not telemetry_wanted():
        yield
        return
    from judge.cli.command_line import open_telemetry
    from judge.events import LOG

    handlers = [each for each in (_json_lines(wanted), open_telemetry()) if each is not None]
    before = LOG.level
    for handler in handlers:
        LOG.addHandler(handler)
    if handlers:
        LOG.setLevel(min(handler.level for handler in handlers))
    try:
        yield
    finally:
        LOG.setLevel(before)
        for handler in handlers:
            LOG.removeHandler(handler)
            handler.close()


def _json_lines(wanted: str) -> logging.Handler | None:
    from judge.errors import ConfigError

    if not wanted:
        return None
    form, colon, file = wanted.partition(":")
    if form != "json" or (colon and not file):
        raise ConfigError(f"{LOG_VARIABLE} {wanted!r} is not known; use json or json:FILE.")
    if not file:
        return JsonLines(sys.stderr)
    try:
        # Each line is one write at the end of the file, so that workers can share it.
        return JsonLines(Path(file).open("a", encoding="utf-8", buffering=1))
    except OSError as error:
        raise ConfigError(
            f"{file}: the log cannot be opened: {(error.strerror or str(error)).lower()}; "
            "name another with --log-json=FILE."
        ) from error


class JsonLines(logging.Handler):
    """One JSON object a line, written at once.

    Parameters
    ----------
    stream : text stream
        Closed with the handler unless it is standard error.
    """

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(logging.INFO)
        self._stream = stream
        self._broken = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write an event; a log that cannot be written is told of once, and the run goes on."""
        if self._broken:
            return
        try:
            self._stream.write(_line(record) + "\n")
            self._stream.flush()
        except OSError as error:
            from judge.cli import console

            self._broken = True
            console.note(f"the log is written no further: {error.strerror or error}")

    def close(self) -> None:
        """End the log."""
        if self._stream is not sys.stderr:
            self._stream.close()
        super().close()


def _line(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    fields = record.__dict__["fields"]
    event = record.__dict__["event"]
    # ASCII alone: no letter of a name can steer a terminal or split a line.
    return json.dumps({"time": moment, "event": event, "pid": os.getpid(), **fields})


# Events of a run for OpenTelemetry: a span for each run, counters of judgments, tokens and cost.

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
