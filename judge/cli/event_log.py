"""Events of a run for programs that watch it: JSON lines (`--log-json`) and OpenTelemetry."""

import json
import logging
import os
import sys
from collections.abc import Generator, MutableSequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

VARIABLE: Final = "CVALUES_LOG"
"""``json`` for standard error or ``json:FILE``, where `--log-json` does not say it; workers that
this program starts inherit it."""

_OPTION: Final = "--log-json"


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
        if option == _OPTION:
            if equals and not file:
                from judge.errors import ConfigError

                raise ConfigError("--log-json= names no file; write --log-json=FILE.")
            os.environ[VARIABLE] = f"json:{Path(file).absolute()}" if file else "json"
            del words[at]
            return


@contextmanager
def event_log() -> Generator[None]:
    """Write events for as long as the context lasts, where somebody wants them."""
    from judge.cli.telemetry import telemetry_wanted

    wanted = os.environ.get(VARIABLE, "")
    if not wanted and not telemetry_wanted():
        yield
        return
    from judge.cli.telemetry import open_telemetry
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
        raise ConfigError(f"{VARIABLE} {wanted!r} is not known; use json or json:FILE.")
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
