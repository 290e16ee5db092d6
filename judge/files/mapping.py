"""Tables of other tools: which of their columns is which of ours, and which word is which number.

A mapping is what a user declares with ``--columns`` and ``--values``; nothing is guessed. A wide
table, with one column for each rater, judge or criterion, becomes one row for each of its cells.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from judge.errors import ConfigError
from judge.files.decoding import TableError, clipped
from judge.files.read import read_rows
from judge.files.row import Row, optional_number

Which = Literal["scores", "labels"]

SCORE = "score"
_NO_SCORE = {"null", "nan", "na", "n/a", "none", "-", "#n/a", "missing"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """Where one of our columns comes from: their columns, or one value for all rows."""

    name: str
    theirs: tuple[str, ...] = ()
    fixed: str | None = None
    only: Which | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMapping:
    """What a user says of the columns and words of a table.

    Attributes
    ----------
    columns : tuple of columns
        Each names one of our columns.
    values : mapping of str to float or None
        Number of each word in the score column; None for a word that means no score.
    """

    columns: tuple[_Column, ...] = ()
    values: Mapping[str, float | None] = field(default_factory=dict[str, float | None])

    def of(self, which: Which) -> tuple[_Column, ...]:
        """Give what is said of one of the two tables."""
        return tuple(each for each in self.columns if each.only in {None, which})


def parse_mapping(columns: Iterable[str], values: Iterable[str]) -> TableMapping:
    """Read the words of ``--columns`` and ``--values``.

    Parameters
    ----------
    columns : iterable of str
        Each ``[scores:|labels:]NAME=COLUMN[+COLUMN...]`` or ``NAME==VALUE``, several with commas.
    values : iterable of str
        Each ``WORD=NUMBER``, several with commas; ``WORD=`` for a word that means no score.

    Raises
    ------
    ConfigError
        If one of them cannot be read, or a name or word stands twice.

    Examples
    --------
    >>> mapping = parse_mapping(["id=qid,criterion==safe"], ["SAFE=1,UNSAFE=0"])
    >>> mapping.columns[0].theirs, mapping.columns[1].fixed, mapping.values["SAFE"]
    (('qid',), 'safe', 1.0)
    """
    found = [_column(part) for word in columns for part in word.split(",")]
    seen = [(each.name, each.only) for each in found]
    if len(set(seen)) < len(seen):
        twice = next(name for name, only in seen if seen.count((name, only)) > 1)
        raise ConfigError(f"--columns names {twice} twice.")
    numbers: dict[str, float | None] = {}
    for part in (part for word in values for part in word.split(",")):
        name, sign, number = part.rpartition("=")
        if not sign or not name or name in numbers:
            raise ConfigError(
                f"--values {part!r} cannot be read; write WORD=NUMBER, each word once."
            )
        try:
            numbers[name] = float(number) if number else None
        except ValueError:
            raise ConfigError(f"--values {part!r}: {number!r} is not a number.") from None
    return TableMapping(columns=tuple(found), values=numbers)


def _column(part: str) -> _Column:
    name, sign, theirs = part.partition("=")
    only: Which | None = None
    for which in ("scores", "labels"):
        if name.startswith(f"{which}:"):
            name, only = name.removeprefix(f"{which}:"), which
    if not sign or not name or not theirs.strip("="):
        raise ConfigError(
            f"--columns {part!r} cannot be read; write NAME=COLUMN, or NAME==VALUE for one value."
        )
    if theirs.startswith("="):
        return _Column(name=name, fixed=theirs[1:], only=only)
    listed = tuple(theirs.split("+")) if name == SCORE else (theirs,)
    return _Column(name=name, theirs=listed, only=only)


def mapped_rows(
    path: Path,
    mapping: TableMapping,
    which: Which,
    *,
    encoding: str | None = None,
    required: Sequence[str] = (),
    optional: Sequence[str] = (),
) -> Iterator[Row]:
    """Read a table under our names, row by row.

    Parameters
    ----------
    path : Path
    mapping : TableMapping
    which : {"scores", "labels"}
        Decides what a wide table's columns are named after: judges or raters.
    encoding, required, optional
        As in `read_rows`.

    Raises
    ------
    TableError
        Also where a column that is named is not in the table.
    """
    asked = mapping.of(which)
    if not asked:
        try:
            yield from read_rows(path, encoding=encoding, required=required, optional=optional)
        except TableError as error:
            raise _with_hint(error) from error
        return
    names = tuple(next(read_rows(path, encoding=encoding)).values)
    chosen = [each for each in asked if _applies(each, names)]
    wide = _wide_name(chosen, names, which)
    given = {*(each.name for each in chosen), *names, wide}
    missing = next((name for name in required if name not in given), None)
    if missing is not None:
        raise TableError(
            f"no column '{missing}'",
            f"name it: --columns {missing}=COLUMN, or {missing}==VALUE for one value in all rows",
            source=path,
            line=1,
        )
    for row in read_rows(path, encoding=encoding):
        yield from _renamed(row, chosen, wide)


def _with_hint(error: TableError) -> TableError:
    if not error.what.startswith("no column '"):
        return error
    name = error.what.removeprefix("no column '").removesuffix("'")
    return TableError(
        error.what,
        f"{error.fix}; or say which it is: --columns {name}=COLUMN",
        source=error.source,
        line=error.line,
        column=error.column,
    )


def require_columns(
    mapping: TableMapping, tables: Mapping[Which, Path], *, encoding: str | None = None
) -> None:
    """Refuse a mapping that names a column which none of the tables has.

    Raises
    ------
    TableError
        With the columns of the table that it is most likely of.
    """
    if not mapping.columns:
        return
    names = {
        which: tuple(next(read_rows(path, encoding=encoding)).values)
        for which, path in tables.items()
    }
    for each in mapping.columns:
        asked: list[Which] = [which for which in tables if each.only in {None, which}]
        if each.theirs and not any(set(each.theirs) <= set(names[which]) for which in asked):
            which = asked[0] if asked else next(iter(tables))
            absent = next(name for name in each.theirs if name not in names[which])
            listed = ", ".join(clipped(name, 20) for name in names[which][:8])
            raise TableError(
                f"no column '{clipped(absent)}', which --columns names for '{each.name}'",
                f"name one of {listed}" + (", …" if len(names[which]) > 8 else ""),
                source=tables[which],
                line=1,
            )


def _applies(column: _Column, names: Sequence[str]) -> bool:
    """Tell whether a mapping is of this table; one that names both tables may be of the other."""
    if column.fixed is not None:
        return column.only is not None or column.name not in names
    return set(column.theirs) <= set(names)


def _wide_name(chosen: Sequence[_Column], names: Sequence[str], which: Which) -> str | None:
    """Say what the names of several score columns are: raters or judges, else criteria."""
    score = next((each for each in chosen if each.name == SCORE), None)
    if score is None or len(score.theirs) < 2:
        return None
    person = "rater" if which == "labels" else "judge"
    known = {each.name for each in chosen} | set(names)
    return person if person not in known else "criterion"


def _renamed(row: Row, chosen: Sequence[_Column], wide: str | None) -> Iterator[Row]:
    taken = {name for each in chosen for name in each.theirs}
    values = {name: value for name, value in row.values.items() if name not in taken}
    scores: tuple[str, ...] = ()
    for each in chosen:
        if each.fixed is not None:
            values[each.name] = each.fixed
        elif each.name == SCORE:
            scores = each.theirs
        else:
            values[each.name] = row.values.get(each.theirs[0])
    for name in scores or (None,):
        cell = values if name is None else {**values, SCORE: row.values.get(name)}
        if wide is not None and name is not None:
            cell = {**cell, wide: name}
        yield Row(row.line, cell, row.source, row.format)


def score_of(row: Row, mapping: TableMapping) -> float | None:
    """Read the score of a row: a number, or a word that ``--values`` names.

    Raises
    ------
    TableError
        If it is another word; the fix says how to name it.
    """
    cell = row.values.get(SCORE)
    if isinstance(cell, bool) and str(cell) not in mapping.values:
        cell = str(cell).lower()
    word = str(cell) if isinstance(cell, (str, bool)) else None
    if word is not None and word in mapping.values:
        return mapping.values[word]
    try:
        return optional_number(row, SCORE)
    except TableError as error:
        if word is None or not word.strip():
            raise
        known = ", ".join(mapping.values)
        none = word.strip().casefold() in _NO_SCORE
        means = "= if it means no score" if none else "=NUMBER"
        fix = f"{error.fix}, or say what the word means: --values {clipped(word, 20)}{means}"
        if known:
            fix += f" (named so far: {clipped(known, 60)})"
        raise row.error(error.what, fix) from error
