"""Names and texts that address a terminal, a spreadsheet, a browser, a template or a path."""

import csv
import json
from pathlib import Path

from judge.simulated.server import simulated_server
from tests.cli.program import program
from tests.cli.runs import KEY, judging

HOSTILE = {
    "terminal": "\x1b]0;owned\x07\x1b[2J",
    "bidi": "\u202egnp.exe\u2066",
    "markup": "[bold red]x[/bold red]",
    "script": "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
    "template": "{{ 7 * 7 }}{% include 'x' %}${7*7}{0.__class__}",
    "formula": '=HYPERLINK("http://127.0.0.1/","x")',
    "path": "../../../outside",
    "log": "fine\n2026-01-01 ERROR forged line",
    "sql": "x'; DROP TABLE judgments; --",
}


def test_hostile_names_are_shown_and_never_obeyed(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c" / "d"
    folder.mkdir(parents=True)
    path = folder / "responses.jsonl"
    rows = [
        {"id": f"{text}1", "prompt": text, "response": f"好。{text}", "group": text, "system": text}
        for text in HOSTILE.values()
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    printed: list[str] = []

    with simulated_server() as server:
        for more in ([], ["--json"]):
            ended = program(*judging(path, server.base_url), *more, folder=folder, environ=KEY)
            assert ended.code == 0, ended.err
            printed += [ended.out, ended.err]
    for words in (
        ["export", "r", "--what", "verdicts", "--format", "csv", "--out", "verdicts.csv"],
        ["sample", "r", "--n", "9", "--out", "sample.xlsx"],
        ["report", "r", "--out", "page.html"],
    ):
        ended = program(*words, folder=folder)
        assert ended.code == 0, ended.err
        printed += [ended.out, ended.err]

    assert all(c.isprintable() or c == "\n" for c in "".join(printed))
    assert not any(line.startswith("2026-01-01 ERROR") for line in "".join(printed).splitlines())
    assert {file.name for file in tmp_path.rglob("*") if file.is_file()} == {
        "responses.jsonl", "store.db", "verdicts.csv", "sample.xlsx", "page.html",
    }  # fmt: skip
    with (folder / "verdicts.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for line in csv.reader(file) for cell in line]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "onerror=alert(1)>" not in page
