"""What all commands share: where output goes, how errors read, and the exit codes."""

import difflib
import io
import json
import os
import re
import shlex
import shutil
import sys
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dis import opmap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, TypeVar, cast

import typer
from rich.cells import cell_len

from judge.cli.completion import complete_run
from judge.cli.interface import longest_word, shown, word, wrapped
from judge.errors import ConfigError
from judge.files.decoding import printable
from judge.store.names import store_address

if TYPE_CHECKING:
    from judge.store.records import Run
    from judge.store.store import Store

Word = TypeVar("Word", bound=str)

DONE = 0
REGRESSION = 1
BAD_INPUT = 2
NEED_LABELS = 3
UNTRUSTED = 4
INCOMPLETE = 5
INTERRUPTED = 130

GATE_CODES = {
    "PASS": DONE,
    "FAIL": REGRESSION,
    "NEED_LABELS": NEED_LABELS,
    "UNTRUSTED": UNTRUSTED,
    "INCOMPLETE": INCOMPLETE,
}


_READABLE = 20
"""Cells of a table's column below which words are no longer read with ease."""


def say(text: str = "") -> None:
    """Print a line of the command's answer to standard output, control characters shown."""
    _write(printable(shown(text)) + "\n")


def _write(text: str) -> None:
    """Write to standard output; a reader that has seen enough, such as `head`, changes no code."""
    try:
        sys.stdout.write(inert(text))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def inert(text: str) -> str:
    """Break what a CI service obeys in the lines that a program prints.

    GitHub runs a line that begins with two colons, blanks before them or not, and what follows two
    number signs and a bracket anywhere.
    """
    return _WORKFLOW.sub(lambda match: match[1] + "\\u003a:", text).replace("##[", "# #[")


_WORKFLOW = re.compile(r"^([ \t]*)::", re.MULTILINE)


def note(text: str) -> None:
    """Print a remark to standard error, so that standard output stays what was asked for."""
    try:
        sys.stderr.write(inert(printable(shown(text))) + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def open_streams() -> None:
    """Make both streams take any text: a console may know few characters, or be closed.

    What a console cannot show is written as an escape, and what goes to a closed stream is lost;
    neither is a fault, nor another exit code.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
            setattr(sys, name, nowhere)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def confirmed(question: str) -> bool:
    """Ask a question that only ``y`` answers with yes; without a terminal the answer is no."""
    if not sys.stdin.isatty():
        return False
    note(f"{question} [y/N]")
    return sys.stdin.readline().strip().lower() in {"y", "yes", "是"}


def fail(message: str, *, code: int = BAD_INPUT) -> NoReturn:
    """End the program with one line on standard error."""
    note(" ".join(message.split()))
    raise SystemExit(code)


def as_json(value: object) -> None:
    """Print a JSON document; Chinese stays Chinese, and what a terminal obeys is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    if not _shows(text):
        text = json.dumps(value, indent=2)
    shown = (c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
    _write("".join(shown) + "\n")


def _shows(text: str) -> bool:
    """Tell whether standard output knows all characters of a text."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def table(rows: Sequence[Mapping[str, object]], columns: Mapping[str, str]) -> None:
    """Print rows as an aligned table.

    Where the terminal is narrow the words between the first column and the numbers are broken;
    where that is not enough, each row stands in lines of its own, so that no column is lost.

    Parameters
    ----------
    rows : sequence of mapping
    columns : mapping of str to str
        Key of a value to the heading above it, in order.
    """
    room = shutil.get_terminal_size().columns
    cells = [[printable(word(_cell(row.get(key)))) for key in columns] for row in rows]
    headings = [word(heading) for heading in columns.values()]
    widths = _widths(headings, cells, room)
    if widths is None:
        lines = [line for row in cells for line in _stacked(row, headings, room)]
    else:
        lines = [line for row in (headings, *cells) for line in _beside(row, widths)]
    _write("".join(f"{line}\n" for line in lines))


def _beside(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Set the cells of a row beside each other, each in as many lines as it takes."""
    columns = [_lines(cell, width) for cell, width in zip(row, widths, strict=True)]
    lines: list[str] = []
    for at in range(max(map(len, columns))):
        parts = [column[at] if at < len(column) else "" for column in columns]
        padded = (
            part + " " * (width - cell_len(part)) for part, width in zip(parts, widths, strict=True)
        )
        lines.append("  ".join(padded).rstrip())
    return lines


def _lines(cell: str, width: int) -> list[str]:
    """Break a cell; groups stand indented under their system, and stay so."""
    indent = " " * (len(cell) - len(cell.lstrip()))
    return [indent + line for line in wrapped(cell, width - len(indent))]


def _widths(headings: Sequence[str], cells: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Share the room among columns; None where not even the least widths fit.

    Numbers are never broken, and no word is broken inside.
    """
    # Two blanks stand between columns.
    free = room - 2 * (len(headings) - 1)
    columns = [[row[place] for row in cells] for place in range(len(headings))]
    widest = [max(map(cell_len, values), default=0) for values in columns]
    wanted = [max(cell_len(name), width) for name, width in zip(headings, widest, strict=True)]
    whole = [all(map(_is_number, values)) for values in columns]
    # The first column says what a row is about, so it is the last to be broken.
    whole[0] = whole[0] or widest[0] <= room / 2
    widths = [
        max(
            width if kept else max(min(width, _READABLE), *map(longest_word, values)),
            longest_word(name),
        )
        for name, width, kept, values in zip(headings, widest, whole, columns, strict=True)
    ]
    if sum(widths) > free:
        return None
    for _ in range(min(free, sum(wanted)) - sum(widths)):
        short = [(w - width, at) for at, (w, width) in enumerate(zip(wanted, widths, strict=True))]
        # Who lacks least comes first, so that most columns are whole.
        widths[min(each for each in short if each[0])[1]] += 1
    return widths


def _is_number(cell: str) -> bool:
    return cell == "-" or not any(letter.isalpha() or letter == " " for letter in cell)


def _stacked(row: Sequence[str], headings: Sequence[str], room: int) -> list[str]:
    named = [f"{heading} {cell}" for heading, cell in zip(headings, row, strict=True)]
    return [row[0], *(f"  {line}" for line in wrapped("; ".join(named[1:]), max(room, 20) - 2))]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def transport_of(word: str) -> str:
    """Read the name of a way to a model.

    Raises
    ------
    judge.errors.ConfigError
        If none is registered under it.
    """
    from judge.models import transports

    return one_of(word, transports(), option="--transport")


def one_of(word: str, known: Sequence[Word], *, option: str) -> Word:
    """Read a word that must be one of a few.

    Raises
    ------
    judge.errors.ConfigError
        If it is none of them.
    """
    from judge.errors import ConfigError

    for name in known:
        if word == name:
            return name
    raise ConfigError(f"{option} {word!r} is not known; use {', '.join(known)}.")


def resume_command(run: str) -> str:
    """Write the command line that goes on with a run, so that it can be pasted."""
    words = sys.argv[1:]
    # The steps of a pipeline name their runs themselves.
    named = words[:1] == ["run"] or any(
        word == "--run" or word.startswith("--run=") for word in words
    )
    return shlex.join(["cvalues", *words, *([] if named else ["--run", run])])


def guarded(command: Callable[[], None]) -> int:
    """Run a command and turn what it raises into an exit code and one line.

    A fault of the program itself is no bad input: it is shown with its traceback and ends with
    INCOMPLETE, for Python's own exit code 1 would mean a regression to a gate.

    Returns
    -------
    int
        The program's exit code.
    """
    open_streams()
    try:
        command()
    except SystemExit as end:
        # Where the reader of a help text has seen enough, the library ends with 1.
        unread = isinstance(end.__context__, BrokenPipeError)
        return end.code if isinstance(end.code, int) and not unread else DONE
    except (KeyboardInterrupt, typer.Abort):
        note("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output, such as `head`, has seen enough.
        sys.stdout = None
    except (*_on_purpose(), OSError) as error:
        note(" ".join(_told(error).split()))
        return _code(error)
    except Exception as error:  # noqa: BLE001 - the outermost frame: nobody above can name it
        return _unforeseen(error)
    return DONE


_MISPLACED: Mapping[type[OSError], str] = {
    FileNotFoundError: "check the name and the folder",
    NotADirectoryError: "check the name and the folder",
    FileExistsError: "name another place",
    IsADirectoryError: "name an ordinary file",
    PermissionError: "name a place that you may use",
}
"""Errors of the system that say something of the name that a user gave, and what to do."""


def _told(error: Exception) -> str:
    """Word an error in one line; what the system reports comes with the file and what to do."""
    if not isinstance(error, OSError) or error.errno is None or error.filename is None:
        return str(error)
    fix = next((fix for kind, fix in _MISPLACED.items() if isinstance(error, kind)), None)
    fix = fix or "make room or choose another place, and run the command again"
    return f"{error.filename}: {str(error.strerror).lower()}; {fix}."


def _unforeseen(error: Exception) -> int:
    if _refused(error):
        note(" ".join(str(error).split()))
        return BAD_INPUT
    for line in "".join(traceback.format_exception(error)).splitlines():
        note(line)
    note("This is a fault of cvalues, not of your input; please report it with these lines.")
    return INCOMPLETE


def _refused(error: Exception) -> bool:
    """Tell a value that our own code refused with `raise` from one that something stumbled over.

    The statistics raise ValueError for what a user gives them; so does Python for our mistakes.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or type(error) is not ValueError:
        return False
    package = str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
    raised = trace.tb_frame.f_code.co_code[trace.tb_lasti] == opmap["RAISE_VARARGS"]
    return raised and package in {"calibration", "cvalues", "judge", "rubrics"}


_ON_PURPOSE: Final = {
    "calibration.estimate": ("InsufficientLabels", "Undefined", "UnusableJudge"),
    "calibration.passport": ("PassportError",),
    "judge.errors": ("JudgeError",),
    "judge.files.decoding": ("TableError",),
    "judge.simulated.profile_file": ("ProfileError",),
    "rubrics.record": ("RubricError",),
}


def _on_purpose() -> tuple[type[Exception], ...]:
    """List the errors that are raised for users to read.

    What was never loaded was not raised, and loading it takes longer than saying what is wrong.
    """
    return tuple(
        getattr(module, name)
        for place, names in _ON_PURPOSE.items()
        if (module := sys.modules.get(place)) is not None
        for name in names
    )


def _code(error: Exception) -> int:
    from judge.errors import ConfigError, JudgeError, NotTrusted, RunMismatch

    changed = type(error).__name__ == "PassportChangedError"
    if changed or isinstance(error, NotTrusted):
        return UNTRUSTED
    infrastructure = isinstance(error, (JudgeError, OSError))
    misplaced = isinstance(error, tuple(_MISPLACED)) and error.filename is not None
    usage = misplaced or isinstance(error, (ConfigError, RunMismatch))
    return INCOMPLETE if infrastructure and not usage else BAD_INPUT


# Options that several commands share, so that they read and mean the same everywhere.

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="SQLite file or SQLAlchemy URL of the store. Default: CVALUES_STORE, else "
        ".cvalues/store.db.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Hide progress.")]
Encoding = Annotated[
    str | None,
    typer.Option(help="Encoding of the file if it is not UTF-8, such as gb18030."),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(help="URL of an OpenAI-compatible server, such as http://localhost:8000/v1."),
]
BaseUrls = Annotated[
    list[str] | None,
    typer.Option(
        "--base-url",
        help="URL of an OpenAI-compatible server, such as http://localhost:8000/v1. Repeat for "
        "several servers of one model; the first identifies it.",
    ),
]
Batch = Annotated[
    bool,
    typer.Option(
        "--batch",
        help="Use the provider's batch API: results within a day, usually at half the price.",
    ),
]
NoWait = Annotated[
    bool,
    typer.Option("--no-wait", help="With --batch: submit, collect finished batches, and exit."),
]
Poll = Annotated[float, typer.Option(min=0.1, help="With --batch: polling interval in seconds.")]
BatchLines = Annotated[
    int | None, typer.Option(min=1, help="With --batch: maximum lines per batch.")
]
BatchCancel = Annotated[
    bool,
    typer.Option(
        "--batch-cancel",
        help="Cancel the run's batches at the provider and collect finished results.",
    ),
]
On = Annotated[
    str | None,
    typer.Option(
        help="Where to start workers: here, ray, or ray://HEAD:PORT; needs a PostgreSQL store."
    ),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Number of workers; 2 if only --on is given.")
]
ApiKeyEnv = Annotated[
    str | None,
    typer.Option(help="NAME of the environment variable with the key (never the key itself)."),
]
Seed = Annotated[int | None, typer.Option(help="Random seed, sent to providers that support one.")]
Concurrency = Annotated[int, typer.Option(min=1, help="Maximum number of concurrent calls.")]
MaxAttempts = Annotated[int, typer.Option(min=1, help="Maximum HTTP attempts per question.")]
Timeout = Annotated[float, typer.Option(min=0.1, help="Time limit of one call in seconds.")]
MaxCalls = Annotated[int | None, typer.Option(min=0, help="Maximum number of calls.")]
BudgetUsd = Annotated[float | None, typer.Option(min=0, help="Budget in US dollars.")]
PriceOption = Annotated[
    str | None, typer.Option(help="Price in US dollars per million tokens: PROMPT,COMPLETION.")
]
Rpm = Annotated[float | None, typer.Option(min=1, help="Requests per minute, for each provider.")]
Tpm = Annotated[float | None, typer.Option(min=1, help="Tokens per minute, for each provider.")]
TransportOption = Annotated[
    str, typer.Option(help="auto, direct, litellm, or another registered way to a model.")
]
ExtraBody = Annotated[
    str | None,
    typer.Option(
        "--extra-body",
        help="JSON object whose members are added to every request, such as "
        '\'{"chat_template_kwargs": {"enable_thinking": false}}\'.',
    ),
]
Omit = Annotated[
    list[str] | None,
    typer.Option("--omit", help="Member that no request holds, such as temperature; repeatable."),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="YAML file with settings for each model, under models:."),
]
Scores = Annotated[
    Path | None,
    typer.Option(
        help="CSV, XLSX, JSONL or Parquet of any tool: id, system, judge, criterion, score."
    ),
]
RunName = Annotated[
    str | None,
    typer.Option("--run", help="A run, instead of --scores.", autocompletion=complete_run),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        help="Expert labels: id, system, rater, criterion, score. Default: those of the run."
    ),
]
JudgeName = Annotated[str | None, typer.Option("--judge", help="Judge, if there are several.")]
By = Annotated[str | None, typer.Option(help="Column to report by, such as group.")]
Clusters = Annotated[
    str | None, typer.Option(help="Column of the cluster (the prompt that several items share).")
]
Scales = Annotated[
    list[str] | None,
    typer.Option("--scale", help="[CRITERION=]MIN,MAX, if scores are not 0 and 1."),
]
AtLeast = Annotated[
    list[str] | None,
    typer.Option(help="[CRITERION=]LEVEL: count items at that level or above."),
]
Only = Annotated[
    list[str] | None, typer.Option(help="[CRITERION=]GROUP,...: use these groups only.")
]
ColumnNames = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        help="Columns of a table of another tool: NAME=COLUMN, such as id=question_id; NAME==VALUE "
        "for one value in all rows; score=A+B+C for one column a rater or judge. scores: or "
        "labels: before NAME where the two tables differ.",
    ),
]
ScoreWords = Annotated[
    list[str] | None,
    typer.Option("--values", help="Words in place of scores: safe=1,unsafe=0; WORD= for none."),
]
LevelNames = Annotated[
    list[str] | None,
    typer.Option("--level", help="[CRITERION=]nominal, ordinal or interval; else by the scores."),
]
Gold = Annotated[
    str | None,
    typer.Option(help="Rater whose labels are the reference; default: majority of all raters."),
]


def group_names(context: typer.Context) -> Mapping[str, tuple[str, str]]:
    """Take the names of groups from the program that mounts a command, where it gives any.

    The object of its context is a function that gives them: by key, the name in Chinese and in
    English.
    """
    given = cast("Callable[[], Mapping[str, tuple[str, str]]] | None", context.find_root().obj)
    return {} if given is None else given()


def parts(joined: str) -> tuple[str, ...]:
    """Split a list that was given with commas.

    Raises
    ------
    judge.errors.ConfigError
        If it is empty or names something twice.
    """
    from judge.errors import ConfigError

    listed = tuple(part.strip() for part in joined.split(",") if part.strip())
    if not listed or len(set(listed)) != len(listed):
        said = f"{joined!r} names something twice" if listed else "a list holds no name"
        raise ConfigError(f"{said}; give names with commas between, each once.")
    return listed


# Open the store that a command means, and find a run in it.


@contextmanager
def opened(given: str | None) -> "Generator[Store]":
    """Open a store for as long as the context lasts."""
    # SQLAlchemy is loaded here only, so that --help and a misspelt option answer at once.
    from judge.store.store import open_store

    store = open_store(store_address(given))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def elsewhere(given: str | None) -> "Generator[Store | None]":
    """Open a second store, where one is named that is there.

    Raises
    ------
    ConfigError
        If the name is that of a file that is not there; it is not made.
    """
    if given is None:
        yield None
        return
    if "://" not in given and not Path(given).is_file():
        raise ConfigError(f"{given}: no such file; write it with cvalues export --what run.")
    with opened(given) as store:
        yield store


def run_named(store: "Store", name: str) -> "Run":
    """Find a run.

    Raises
    ------
    ConfigError
        If there is none of that name; the message names the nearest.
    """
    run = store.find_run(name)
    if run is not None:
        return run
    names = [known.name for known in store.runs()]
    near = difflib.get_close_matches(name, names, n=1)
    fix = f"did you mean {near[0]!r}?" if near else f"the store has {', '.join(names) or 'none'}."
    raise ConfigError(f"no run {name!r} in {store.place}; {fix}")
