"""Sixty bad JSONL files."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.malformed.case import Case, Write, bytes_of, folder, loop, sound_row

CUT = '{"id": "x", "prompt": "p"'
BROKEN = {
    "cut off": CUT,
    "quote missing": '{"id: "x", "prompt": "p"}',
    "colon missing": '{"id" "x"}',
    "bare word": '{"id": x}',
    "stray bracket": '{"id": "x"}]',
}
PLACES: dict[str, Callable[[int], int]] = {
    "first": lambda _: 0,
    "middle": lambda n: n // 2,
    "last": lambda n: n - 1,
}
ODD_LINES = {
    "trailing comma": '{"id": "x", "prompt": "p", "response": "r",}',
    "single quotes": "{'id': 'x', 'prompt': 'p', 'response': 'r'}",
    "NaN": '{"id": "x", "prompt": "p", "response": "r", "weight": NaN}',
    "Infinity": '{"id": "x", "prompt": "p", "response": "r", "weight": Infinity}',
    "minus Infinity": '{"id": "x", "prompt": "p", "response": "r", "weight": -Infinity}',
    "number beyond a double": '{"id": "x", "prompt": "p", "response": "r", "weight": 1e400}',
    "4301 digits": f'{{"id": "x", "prompt": "p", "response": "r", "n": {"9" * 4301}}}',
    "depth 100000": f'{{"id": "x", "n": {"[" * 100_000}{"]" * 100_000}}}',
    "key twice": '{"id": "x", "prompt": "p", "response": "r", "response": "s"}',
    "inner key twice": '{"id": "x", "prompt": "p", "response": "r", "m": {"a": 1, "a": 2}}',
    "mark in the middle": '\ufeff{"id": "x", "prompt": "p", "response": "r"}',
    "lone surrogate": '{"id": "x", "prompt": "p", "response": "\\ud83d"}',
    "NUL": '{"id": "x", "prompt": "p", "response": "a\0b"}',
    "escaped NUL": '{"id": "x", "prompt": "p", "response": "a\\u0000b"}',
    "blank line": "",
    "list at the top": '["x", "p", "r"]',
    "text at the top": '"x"',
}
ODD_FIELDS: dict[str, dict[str, object]] = {
    "number as id": {"id": 17},
    "null prompt": {"prompt": None},
    "list as response": {"response": ["a", "b"]},
    "object as prompt": {"prompt": {"role": "user"}},
    "text as sample": {"sample": "1"},
    "negative sample": {"sample": -1},
    "unknown language": {"lang": "Chinese"},
    "number as group": {"group": 3},
    "column in capitals": {"System": "m"},
    "empty id": {"id": ""},
}


def with_line(line: str, place: Callable[[int], int] = PLACES["middle"]) -> Write:
    """Sound rows with one line put in place of another."""

    def write(path: Path, rng: Random) -> None:
        lines = [json.dumps(sound_row(n, rng), ensure_ascii=False) for n in range(9)]
        lines[place(len(lines))] = line
        path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")

    return write


def with_long_line(length: int) -> Write:
    """Sound rows with one line far too long; made only when it is written."""

    def write(path: Path, rng: Random) -> None:
        with_line('{"id": "x", "prompt": "' + "p" * length + '"}')(path, rng)

    return write


def with_fields(changes: dict[str, object], *, without: str = "") -> Write:
    """Sound rows, of which one drawn has other fields."""

    def write(path: Path, rng: Random) -> None:
        rows = [sound_row(n, rng) for n in range(9)]
        chosen = rng.randrange(9)
        rows[chosen] = {k: v for k, v in (rows[chosen] | changes).items() if k != without}
        write_rows(path, rows)

    return write


def write_rows(path: Path, rows: list[dict[str, object]], encoding: str = "utf-8") -> None:
    """Write rows as they are."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(text.encode(encoding))


def with_ids(*ids: str) -> Write:
    """Rows of these ids with others among them."""

    def write(path: Path, rng: Random) -> None:
        rows = [sound_row(n, rng) for n in range(9)]
        spots = sorted(rng.sample(range(9), len(ids)))
        for spot, name in zip(spots, ids, strict=True):
            rows[spot]["id"] = name
        write_rows(path, rows)

    return write


def encoded(encoding: str, line_end: str = "\n") -> Write:
    """Sound rows in another encoding or with other line ends."""

    def write(path: Path, rng: Random) -> None:
        rows = [sound_row(n, rng) for n in range(9)]
        text = line_end.join(json.dumps(row, ensure_ascii=False) for row in rows)
        path.write_bytes(text.encode(encoding))

    return write


def gzipped(path: Path, rng: Random) -> None:
    """A gzip file cut off in the middle."""
    write_rows(path, [sound_row(n, rng) for n in range(9)])
    packed = gzip.compress(path.read_bytes(), mtime=0)
    path.write_bytes(packed[: len(packed) // 2])


def pipe(path: Path, _rng: Random) -> None:
    """A pipe that nobody writes to."""
    os.mkfifo(path)


def nothing(_path: Path, _rng: Random) -> None:
    """No file at all."""


def jsonl_cases() -> list[Case]:
    """Give all of them; their order never changes."""
    cases = [
        (f"{fault} at the {place} line", with_line(line, PLACES[place]))
        for fault, line in BROKEN.items()
        for place in PLACES
    ]
    cases += [(fault, with_line(line)) for fault, line in ODD_LINES.items()]
    cases += [(fault, with_fields(fields)) for fault, fields in ODD_FIELDS.items()]
    cases += [(f"no {name}", with_fields({}, without=name)) for name in ("prompt", "response")]
    cases += [
        ("line of 16 MiB", with_long_line(16 * 1024 * 1024)),
        ("line of 100 MB", with_long_line(100_000_000)),
        ("misspelt column", with_fields({"responce": "r"}, without="response")),
        ("the same id twice", with_ids("twin", "twin")),
        ("the same id three times", with_ids("twin", "twin", "twin")),
        ("the same id in two Unicode forms", with_ids("caf\u00e9", "cafe\u0301")),
        ("UTF-16 without a mark", encoded("utf-16-le")),
        ("UTF-32", encoded("utf-32")),
        ("GB18030 undeclared", encoded("gb18030")),
        ("carriage returns alone", encoded("utf-8", "\r")),
        ("line separators", encoded("utf-8", "\u2028")),
        ("cut gzip file", gzipped),
        ("empty file", bytes_of(b"")),
        ("folder", folder),
        ("pipe", pipe),
        ("link to itself", loop),
    ]
    return [Case(name, "bad.jsonl", write) for name, write in cases]
