"""Sixty bad CSV files."""

import csv
import io
from pathlib import Path
from random import Random

from tests.malformed.case import Case, Write, bytes_of, folder, sound_row
from tests.malformed.jsonl_files import pipe

HEADER = ["id", "prompt", "response"]
LABELS = [
    "0", "6", "5分", "\uff15", " 5 ", "NaN", "None", "TRUE", "1e0", "2026-01-05",
    "5.0", "+5", "五", "#N/A", "=2+3",
]  # fmt: skip
ODD_TEXTS = {
    "semicolons and commas": "id;prompt,response\np1;a,b\n",
    "bars and semicolons": "id|prompt;response\np1|a;b\n",
    "tabs and blanks": "id\tprompt response\np1\ta b\n",
    "column named twice": "id,prompt,response,response\np1,a,b,c\n",
    "no id column": "item,prompt,response\np1,a,b\n",
    "no response column": "id,prompt,answer_text\np1,a,b\n",
    "misspelt column": "id,promt,response\np1,a,b\n",
    "header alone": "id,prompt,response\n",
    "column without a name": ",id,prompt,response\n0,p1,a,b\n",
    "blank lines alone": "\n\n\n",
    "mark written twice": "\ufeff\ufeffid,prompt,response\np1,a,b\n",
    "blank prompt": "id,prompt,response\np1,  ,b\n",
    "blank id": "id,prompt,response\n,a,b\n",
    "sample with a point": "id,prompt,response,sample\np1,a,b,1.0\n",
    "formula as sample": "id,prompt,response,sample\np1,a,b,=1\n",
    "unknown language": "id,prompt,response,lang\np1,a,b,Chinese\n",
    "column in capitals": "id,prompt,response,LANG\np1,a,b,zh\n",
    "cell of 200000 characters": "id,prompt,response\np1,a," + "x" * 200_000 + "\n",
    "10000 columns": ",".join(f"c{n}" for n in range(10_000)) + "\n",
    "carriage returns alone": "id,prompt,response\rp1,a,b\r",
}
ODD_LINES = {
    "quote never closed": 'p4,"a,b',
    "quote never closed at the end of a cell": 'p4,a,"b',
    "text after a quote": 'p4,"a"b,c',
    "too few cells": "p4,a",
    "too many cells": "p4,a,b,c",
    "NUL": "p4,a\0,b",
    "blank line": "",
    "carriage return in a row": "p4,a\rb,c",
}


def rows_text(rng: Random) -> str:
    """Sound rows as CSV."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, HEADER, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(sound_row(n, rng) for n in range(9))
    return text.getvalue()


def encoded(encoding: str) -> Write:
    """Sound rows in another encoding."""

    def write(path: Path, rng: Random) -> None:
        path.write_bytes(rows_text(rng).encode(encoding))

    return write


def with_line(line: str) -> Write:
    """Sound rows with a line put in a place that is drawn."""

    def write(path: Path, rng: Random) -> None:
        lines = rows_text(rng).split("\n")
        lines.insert(rng.randint(1, 8), line)
        path.write_bytes("\n".join(lines).encode())

    return write


def twins(path: Path, rng: Random) -> None:
    """Sound rows with one written twice."""
    lines = rows_text(rng).splitlines()
    path.write_text("\n".join([*lines, lines[rng.randint(1, 9)]]) + "\n", encoding="utf-8")


def cut(path: Path, rng: Random) -> None:
    """Sound rows that end within a character."""
    path.write_bytes(rows_text(rng).encode() + "p9,问".encode()[:-1])


def label(value: str, rater: str = "r1") -> Write:
    """Labels of which one that is drawn is bad."""

    def write(path: Path, rng: Random) -> None:
        rows = [[f"p{n}", "m", "r1", str(rng.randint(1, 5))] for n in range(9)]
        rows[rng.randrange(9)][2:] = [rater, value]
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["id", "system", "rater", "score"], *rows])

    return write


def csv_cases() -> list[Case]:
    """Give all of them; their order never changes."""
    cases = [(f"{name} undeclared", encoded(name)) for name in ("gbk", "gb18030")]
    cases += [(f"{name} without a mark", encoded(name)) for name in ("utf-16-le", "utf-16-be")]
    cases += [(fault, bytes_of(text.encode())) for fault, text in ODD_TEXTS.items()]
    cases += [(fault, with_line(line)) for fault, line in ODD_LINES.items()]
    cases += [
        ("big5 undeclared", bytes_of("id,prompt,response\np1,問題,答案\n".encode("big5"))),
        ("UTF-32", encoded("utf-32")),
        ("cut within a character", cut),
        ("Latin-1", bytes_of("id,prompt,response\np1,café,b\n".encode("latin-1"))),
        ("gzip file", bytes_of(b"\x1f\x8b\x08\x00\x00\x00\x00\x00")),
        ("archive", bytes_of(b"PK\x03\x04\x14\x00\x00\x00")),
        ("the same row twice", twins),
        ("empty file", bytes_of(b"")),
        ("folder", folder),
        ("pipe", pipe),
    ]
    return [
        *(Case(name, "bad.csv", write) for name, write in cases),
        *(Case(f"label {value!r}", "bad.csv", label(value), "labels") for value in LABELS),
        Case("label without a rater", "bad.csv", label("5", ""), "labels"),
        Case("mark against the declaration", "bad.csv", encoded("utf-8-sig"), encoding="gbk"),
        Case("commas in a TSV file", "bad.tsv", encoded("utf-8")),
    ]
