"""The language of the terminal: help, tables and messages in English or in Chinese.

Commands are written in English. Where Chinese is wanted, each line is matched with the English
templates of `messages.zh.json` when it is printed; what no template fits stays as it is, so a
message is never lost. Numbers, names and paths stand in the braces of a template. Text is broken
into lines by the width of its characters, of which a Chinese one takes two, also in pages of help.
"""

import inspect
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, MutableSequence, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from rich.cells import cell_len

from judge.files.decoding import singular_too

Language = Literal["en", "zh"]

VARIABLE: Final = "CVALUES_UI"
"""Names the language where `--ui` does not; else the locale of the system does."""

_CATALOGUE = Path(__file__).with_name("messages.zh.json")
_LOCALE: Final = (VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG")


def language() -> Language:
    """Give the language of the terminal: `CVALUES_UI`, else that of the locale, else English."""
    chosen = next((os.environ[name] for name in _LOCALE if os.environ.get(name)), "")
    return "zh" if chosen.lower().startswith("zh") else "en"


def take_option(words: MutableSequence[str]) -> None:
    """Take ``--ui zh`` or ``--ui en`` out of a command line, wherever it stands.

    Raises
    ------
    judge.errors.ConfigError
        If it names another language.
    """
    for at, word in enumerate(words):
        if word == "--":
            return
        option, equals, value = word.partition("=")
        if option == "--ui":
            chosen = value if equals else "".join(words[at + 1 : at + 2])
            _choose(chosen)
            del words[at : at + (1 if equals else 2)]
            return


def _choose(chosen: str) -> None:
    from judge.errors import ConfigError

    if chosen not in {"en", "zh"}:
        raise ConfigError(f"--ui {chosen!r} is not known; use en, zh.")
    os.environ[VARIABLE] = chosen


def shown(text: str) -> str:
    """Give a line of the terminal in its language; indentation stays."""
    if language() == "en" or not text.strip():
        return text
    inner = text.strip()
    start = text.index(inner)
    return text[:start] + _in_parts(inner) + text[start + len(inner) :]


def word(text: str) -> str:
    """Give a heading or the text of a table's cell in the language of the terminal."""
    if language() == "en":
        return text
    known = _catalogue()
    return known.words.get(text) or known.whole.get(text, text)


def titled(text: str) -> str:
    """Give a word with the colon of its language."""
    return f"{word(text)}{':' if language() == 'en' else '：'}"


class _Template(NamedTuple):
    """How an English line looks, and what is said in Chinese in its place."""

    head: str
    """Letters before the first brace; what does not begin with them is passed over quickly."""
    letters: int
    """Letters outside its braces: the more it has, the better it fits."""
    pattern: re.Pattern[str]
    quoted: frozenset[int]
    """Places of the values in quotes, which are somebody's own words and stay as they are."""
    chinese: str


class _Catalogue(NamedTuple):
    whole: Mapping[str, str]
    templates: Sequence[_Template]
    words: Mapping[str, str]


_SHORTEST: Final = 12
"""Letters below which a template says too little to stand for more than a clause, and a text is
not looked for among the sentences of the page."""
_COUNT: Final = re.compile(r"\{\} \w+")
"""A number of things: without a number it is any two words, such as a text file."""
_NUMBER: Final = r"(\d[\d,.]*)"
_CLAUSE: Final = r"((?:(?!; ).)+?)"
"""A value of an error line, which says what is wrong before a semicolon and how to fix it after."""
_LISTED: Final = r"((?:[^()]|\([^()]*\))+)"
"""A value in brackets, which may have clauses of its own."""
_PLACE: Final = re.compile(r"((?:(?!: |; ).)+?:\d+(?::\d+)?: )(.+)", re.DOTALL)
"""Line and column of a file in front of what is wrong there; an editor reads them as they are."""


@lru_cache(maxsize=1)
def _catalogue() -> _Catalogue:
    read = json.loads(_CATALOGUE.read_text("utf-8"))
    errors: dict[str, str] = read["errors"]
    errors |= {
        f"{{}} {text}": f"{{}} {said}" for text, said in errors.items() if _needs_subject(text)
    }
    stopped = {f"{english}.": f"{chinese}。" for english, chinese in errors.items()}
    lines: dict[str, str] = {**errors, **stopped, **read["help"], **read["lines"]}
    whole = {english: chinese for english, chinese in lines.items() if "{}" not in english}
    found = [
        _template(english, value, chinese)
        for texts, value in (
            ({**read["help"], **read["lines"]}, "(.+?)"),
            ({**errors, **stopped}, _CLAUSE),
        )
        for english, chinese in texts.items()
        if "{}" in english
    ]
    found.sort(key=lambda each: -each.letters)
    return _Catalogue(whole, found, read["words"])


_SAID_OF: Final = {
    "gives",
    "has",
    "holds",
    "is",
    "makes",
    "rates",
    "repeats",
    "scores",
    "stands",
    "was",
}
"""First words of what is said of a cell, a field or an entry, whose name comes before."""


def _needs_subject(text: str) -> bool:
    return text.partition(" ")[0] in _SAID_OF


def _template(english: str, value: str, chinese: str) -> _Template:
    fixed = english.split("{}")
    letters = sum(map(len, fixed))
    value = _NUMBER if _COUNT.fullmatch(english) else _CLAUSE if letters < _SHORTEST else value
    pattern = re.escape(fixed[0])
    for before, after in pairwise(fixed):
        listed = before.endswith("(") and after.startswith(")")
        pattern += (_LISTED if listed else value) + singular_too(re.escape(after))
    quoted = frozenset(at for at, before in enumerate(fixed) if before.endswith("'"))
    return _Template(fixed[0], letters, re.compile(pattern, re.DOTALL), quoted, chinese)


def _in_parts(text: str) -> str:
    """Translate a line, or the sentences and clauses of it that are known."""
    if (found := _PLACE.fullmatch(text)) is not None:
        return found[1] + _in_parts(found[2])
    direct = _direct(text)
    if direct is not None:
        return direct
    for mark, chinese in ((". ", "。"), ("; ", "；"), (": ", "：")):
        parts = text.split(mark) if mark != ": " else text.split(mark, 1)
        if len(parts) > 1:
            done = list(_runs(parts)) if mark == "; " else [_in_parts(part) for part in parts]
            if done != parts:
                return chinese.join(done)
    return text


def _runs(clauses: Sequence[str]) -> Iterator[str]:
    """Translate clauses, as many together as are known as one text."""
    start = 0
    while start < len(clauses):
        tried = (
            (end, _direct("; ".join(clauses[start:end]))) for end in range(len(clauses), start, -1)
        )
        end, known = next(((e, zh) for e, zh in tried if zh), (start + 1, None))
        # What is not known as a whole may have a name before a colon.
        yield known or _in_parts(clauses[start])
        start = end


def _direct(text: str) -> str | None:
    catalogue = _catalogue()
    if text in catalogue.whole:
        return catalogue.whole[text]
    for each in catalogue.templates:
        if text.startswith(each.head):
            match = each.pattern.fullmatch(text)
            if match is not None:
                return _filled(each, match.groups())
    from judge.report.texts import known_sentence

    # Reasons of a gate stand on the page too, which has its own Chinese for them.
    said = known_sentence(text) if len(text) > _SHORTEST else None
    return None if said is None else said.zh


def _filled(template: _Template, values: Sequence[str]) -> str:
    """Fill the braces in order, or by their numbers; a value may be a known text itself."""
    known = [
        value if place in template.quoted else _in_parts(value)
        for place, value in enumerate(values)
    ]
    at = iter(range(len(known)))
    return re.sub(r"\{(\d*)\}", lambda found: known[int(found[1] or next(at))], template.chinese)


# Break text into lines for a terminal, where a Chinese character takes two columns.

_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60]"
)
_NOT_FIRST: Final = "，。、；：？！）》”’」』】"
"""Marks that no line begins with."""


def wrapped(text: str, width: int) -> list[str]:
    """Break text at blanks and between Chinese characters; words are never broken inside.

    Parameters
    ----------
    text : str
        One paragraph; line ends count as blanks.
    width : int
        Columns. A single word that is longer stands on a line of its own.

    Returns
    -------
    list of str
        At least one line, which is empty where the text is.
    """
    lines = [""]
    for gap, piece in _pieces(text):
        longer = lines[-1] + gap + piece if lines[-1] else piece
        if cell_len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(piece)
    return lines


def longest_word(text: str) -> int:
    """Give the columns of the longest piece that cannot be broken."""
    return max((cell_len(piece) for _, piece in _pieces(text)), default=0)


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Give each unbreakable piece with the blank before it, if there is one."""
    for word in text.split():
        gap = " "
        for piece in _parts(word):
            yield gap, piece
            gap = ""


def _parts(word: str) -> Iterator[str]:
    kept = ""
    for at, letter in enumerate(word):
        kept += letter
        following = word[at + 1 : at + 2]
        breakable = _WIDE.match(letter) or (following and _WIDE.match(following))
        if breakable and following not in _NOT_FIRST:
            yield kept
            kept = ""
    if kept:
        yield kept


# The page of a command's `--help`, in the language of the terminal and with Chinese widths.

WIDTH_OF_HELP = 80
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
    return max(min(shutil.get_terminal_size().columns, WIDTH_OF_HELP), 50)


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
