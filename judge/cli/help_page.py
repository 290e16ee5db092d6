"""The page of a command's `--help`, in the language of the terminal and with Chinese widths."""

import inspect
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from judge.cli.interface import cell_len, shown, titled, word, wrapped

WIDTH = 80
"""Columns that a page of help has at most."""

_KINDS = {
    "<list[str]>": "TEXT ...",
    "<list[path]>": "PATH ...",
    "<int range>": "N",
    "<int>": "N",
    "<float range>": "X",
    "<float>": "X",
    "<str>": "TEXT",
    "<path>": "PATH",
}
"""What the library calls the kinds of values, in words."""

_COLUMN = 30
"""Columns of the names beside which their meaning stands."""

Rows = Sequence[tuple[str, str]]

Panels = Mapping[str, Rows]
"""Headings over names and their meanings."""


def give_help_pages(command: Any) -> None:
    """Give a command, and those below it, their page of help."""

    def page(context: Any) -> str:
        return help_page(command, context, _commands(command))

    # The library looks the method up on the command; a subclass would have to be named at each.
    command.get_help = page
    for each in getattr(command, "commands", {}).values():
        give_help_pages(each)


def help_page(command: Any, context: Any, commands: Panels) -> str:
    """Write the help of a command: usage, meaning, arguments, options, commands by panel.

    Parameters
    ----------
    command, context
        The library's, whose classes have no public names.
    commands : mapping of str to rows
        Name and meaning of the commands below, under each heading.
    """
    lines = [*_usage(command, context), *_meaning(command.help or "")]
    params = list(command.get_params(context))
    for kind, heading in (("argument", "Arguments"), ("option", "Options")):
        records = [p.get_help_record(context) for p in params if p.param_type_name == kind]
        lines += _section(heading, [_record(*record) for record in records if record])
    for heading, rows in commands.items():
        lines += _section(heading, rows)
    return "\n".join(lines)


def _width() -> int:
    return max(min(shutil.get_terminal_size().columns, WIDTH), 50)


def _usage(command: Any, context: Any) -> list[str]:
    pieces = " ".join(command.collect_usage_pieces(context))
    return wrapped(f"{titled('Usage')} {context.command_path} {pieces}", _width())


def _meaning(text: str) -> Iterator[str]:
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        yield ""
        for line in wrapped(shown(" ".join(paragraph.split())), _width() - 2):
            yield f"  {line}"


def _record(names: str, meaning: str) -> tuple[str, str]:
    """Translate the meaning of an option, and what the library adds to it in brackets."""
    text, bracket, extra = meaning.rpartition("  [")
    if not bracket:
        alone = meaning.startswith("[") and meaning.endswith("]")
        text, extra = ("", meaning[1:]) if alone else (meaning, "")
    done = shown(text)
    for part in extra.rstrip("]").split("; ") if extra else ():
        name, colon, value = part.partition(": ")
        done += f" [{titled(name)} {value}]" if colon else f" [{word(name)}]"
    for kind, name in _KINDS.items():
        names = names.replace(kind, name)
    return names, done.strip()


def _commands(command: Any) -> Panels:
    rows: list[tuple[str, str]] = []
    for name, each in getattr(command, "commands", {}).items():
        first = inspect.cleandoc(each.help or "").partition("\n\n")[0]
        rows.append((name, shown(" ".join(first.split()))))
    return {"Commands": rows}


def _section(heading: str, rows: Rows) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield titled(heading)
    column = min(max(cell_len(names) for names, _ in rows), _COLUMN) + 4
    for names, meaning in rows:
        lines = wrapped(meaning, max(_width() - column, 20))
        start = f"  {names}"
        if cell_len(start) > column - 2:
            yield start
            start = ""
        yield start + " " * (column - cell_len(start)) + lines[0]
        for line in lines[1:]:
            yield " " * column + line
