"""Start the program: its language, its streams, its commands, and how misuse is told."""

import gc
import io
import os
import sys
from collections.abc import Generator, MutableSequence, Sequence
from contextlib import contextmanager
from typing import Any, Final, TextIO, cast

import typer

from judge.cli import console
from judge.cli.event_log import event_log, take_log_option
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
