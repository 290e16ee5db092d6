"""Run `cvalues` and kill it, as a power cut would, at a named point of its work.

Usage: `python -c "from tests.cli.crashing import main; main()" POINT NTH ACKNOWLEDGED words...`.
POINT is a name of `POINTS`, NTH which passage of it is the last. What the program has told its
user of (a judgment is shown once it is kept) stands in the file ACKNOWLEDGED, a line each.
"""

import inspect
import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

from judge.store import rows

Call = Callable[..., Any]


@dataclass(frozen=True)
class Point:
    """A function at which the program is killed."""

    place: str
    """Module and name, with a colon between."""
    after: bool = False
    """Killed when the function has done its work, before its caller knows."""
    holds: str = ""
    """Only calls count whose arguments name this kind of record."""
    page: int | None = None
    """Rows that the store writes at once, where a small run would have a single page."""


POINTS = {
    "during a migration": Point("judge.store.schema:room.create_all", after=True),
    "during the import of a batch": Point("judge.store.rows:insert", page=3),
    "before an attempt is kept": Point("judge.store.store:Store.write", holds="AttemptStarted"),
    "after an attempt is kept": Point(
        "judge.store.store:Store.write", after=True, holds="AttemptStarted"
    ),
    "before a call is sent": Point("judge.models.openai_compatible:DirectModel.ask"),
    "after a reply has come": Point("judge.models.openai_compatible:DirectModel.ask", after=True),
    "before a reply is read": Point("judge.grading.pointwise:read_reply"),
    "before a commit": Point("judge.store.rows:keep", after=True, holds="Judgment"),
    "after a commit, before it is told": Point(
        "judge.store.store:Store.write", after=True, holds="Judgment"
    ),
    "before the log is folded in": Point("judge.store.store:Store.close"),
    "before the lock is released": Point("pathlib:Path.unlink", holds=".lock"),
    "in the middle of a file": Point("judge.exporters.tables:json.dumps"),
    "before a file takes its place": Point("pathlib:Path.replace"),
}
"""Where a crash could hurt, in the order in which a run passes them."""


def main() -> None:
    """Arm one point, then be `cvalues`."""
    name, nth, acknowledged = sys.argv[1:4]
    point = POINTS[name]
    _wrap("judge.cli.run_session:_Sitting._watch", lambda seen: _noting(seen, Path(acknowledged)))
    _wrap(point.place, lambda function: _armed(function, point, int(nth)))
    if point.page is not None:
        rows.PAGE = point.page
    sys.argv = ["cvalues", *sys.argv[4:]]
    from cvalues.cli import main as cvalues

    cvalues()


def _wrap(place: str, wrapper: Callable[[Call], Call]) -> None:
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    owner: Any = import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    setattr(owner, name, wrapper(getattr(owner, name)))


def _noting(seen: Call, acknowledged: Path) -> Call:
    descriptor = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    @wraps(seen)
    def noting(sitting: object, made: Any) -> None:
        seen(sitting, made)
        os.write(descriptor, f"{made.id}\n".encode())

    return noting


def _armed(function: Call, point: Point, nth: int) -> Call:
    numbers = count(1)

    @contextmanager
    def passage(given: tuple[object, ...]) -> Generator[None]:
        last = point.holds in repr(given[-1])[:100_000] and next(numbers) == nth
        if last and not point.after:
            os.kill(os.getpid(), signal.SIGKILL)
        yield
        if last:
            os.kill(os.getpid(), signal.SIGKILL)

    @wraps(function)
    def armed(*given: Any, **named: Any) -> Any:
        with passage(given):
            return function(*given, **named)

    @wraps(function)
    async def armed_coroutine(*given: Any, **named: Any) -> Any:
        with passage(given):
            return await function(*given, **named)

    return armed_coroutine if inspect.iscoroutinefunction(function) else armed
