"""The passport as a JSON file: written whole or not at all, read strictly or not at all.

Every key must be known and present and every value of its type: a file that says more than this
version understands is refused, for the key it cannot read could be the one that matters.
"""

import contextlib
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Callable, ItemsView, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Literal, cast, get_args, get_origin, get_type_hints

from calibration.passport import JudgePassport

FORMAT = 1
MOST_BYTES = 10_000_000


class PassportError(ValueError):
    """A passport file cannot be used; ``str`` is one line: file: what; how to mend it."""


def save_passport(passport: JudgePassport, path: str | Path) -> None:
    """Write the passport so that a reader finds the old file or the new one, never a part.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    target = Path(path)
    content = {"format": FORMAT, **cast("dict[str, object]", _plain(passport))}
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()


def load_passport(path: str | Path) -> JudgePassport:
    """Read a passport.

    Raises
    ------
    PassportError
        If the file is missing or too large, no JSON, of another format, or any key or value is
        not as it should be.
    """
    source = Path(path)
    try:
        return _passport(_parse(source))
    except _FormatError as wrong:
        raise PassportError(f"{source}: {wrong}; issue the passport anew.") from wrong


class _FormatError(ValueError):
    """What is wrong, without the file's name."""


def _parse(source: Path) -> object:
    try:
        if source.stat().st_size > MOST_BYTES:
            raise _FormatError(f"larger than {MOST_BYTES} bytes, so no passport")
        text = source.read_text(encoding="utf-8")
    except OSError as error:
        raise _FormatError(f"cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise _FormatError("not UTF-8") from error
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (json.JSONDecodeError, RecursionError) as error:
        raise _FormatError(f"not JSON ({error})") from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise _FormatError(f"key {repeated!r} stands twice")
    return dict(pairs)


def _no_constant(name: str) -> object:
    raise _FormatError(f"{name} is no number")


def _passport(raw: object) -> JudgePassport:
    if not isinstance(raw, dict) or "format" not in raw:
        raise _FormatError("no object with a key 'format'")
    content = dict(cast("dict[str, object]", raw))
    found = content.pop("format")
    if found != FORMAT or isinstance(found, bool):
        raise _FormatError(f"format {found!r}, where this version reads {FORMAT}")
    return cast("JudgePassport", _record(JudgePassport, content, "passport"))


def _record(kind: type, raw: object, where: str) -> object:
    if not isinstance(raw, dict):
        raise _FormatError(f"{where} is no object")
    content = cast("dict[str, object]", raw)
    hints = get_type_hints(kind)
    unknown = sorted(set(content) - set(hints))
    missing = sorted(set(hints) - set(content))
    if unknown:
        raise _FormatError(f"{where} has an unknown key {unknown[0]!r}")
    if missing:
        raise _FormatError(f"{where} has no key {missing[0]!r}")
    values = {name: _value(hint, content[name], f"{where}.{name}") for name, hint in hints.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise _FormatError(str(error).rstrip(".")) from error


def _value(hint: object, raw: object, where: str) -> object:
    """Read a value as the record's annotation says."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Literal:
        if raw not in inside:
            raise _FormatError(f"{where} is {raw!r}, not one of {', '.join(inside)}")
        return raw
    if origin is UnionType:  # every union here is "or None"
        return None if raw is None else _value(inside[0], raw, where)
    if origin is tuple:
        return tuple(_value(inside[0], one, f"{where}[]") for one in _list(raw, where))
    if origin is Mapping:
        return MappingProxyType(
            {name: _value(inside[1], one, f"{where}.{name}") for name, one in _object(raw, where)}
        )
    kind = cast("type", hint)
    return _record(kind, raw, where) if kind not in _PLAIN else _PLAIN[kind](raw, where)


def _list(raw: object, where: str) -> list[object]:
    if not isinstance(raw, list):
        raise _FormatError(f"{where} is no list")
    return cast("list[object]", raw)


def _object(raw: object, where: str) -> ItemsView[str, object]:
    if not isinstance(raw, dict):
        raise _FormatError(f"{where} is no object")
    return cast("dict[str, object]", raw).items()


def _text(raw: object, where: str) -> str:
    if not isinstance(raw, str):
        raise _FormatError(f"{where} is {raw!r}, not text")
    return raw


def _whole(raw: object, where: str) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise _FormatError(f"{where} is {raw!r}, not a whole number")
    return raw


def _number(raw: object, where: str) -> float:
    most = sys.float_info.max  # an integer of 400 digits has no float to ask about
    if not isinstance(raw, int | float) or isinstance(raw, bool) or not -most <= raw <= most:
        raise _FormatError(f"{where} is {raw!r}, not a finite number")
    return float(raw)


def _day(raw: object, where: str) -> date:
    try:
        return date.fromisoformat(_text(raw, where))
    except ValueError as error:
        raise _FormatError(f"{where} is {raw!r}, not a date like 2026-11-21") from error


_PLAIN: Mapping[type, Callable[[object, str], object]] = MappingProxyType(
    {str: _text, int: _whole, float: _number, date: _day}
)


def _plain(value: object) -> object:
    """Turn records into what JSON holds."""
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in cast("Mapping[str, object]", value).items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in cast("tuple[object, ...]", value)]
    return value.isoformat() if isinstance(value, date) else value
