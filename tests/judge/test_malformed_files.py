"""Bad tables: each ends in one line `file:line: what; how to fix`, soon and in little memory."""

import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from judge.files.decoding import TableError
from tests.cli.program import environment
from tests.malformed.case import Case
from tests.malformed.library import CASES, SAMPLE, read, written

WATCHED = """
import pathlib, sys
status = pathlib.Path(sys.argv.pop(1))
from cvalues.cli import main
try:
    main()
finally:
    status.write_text(pathlib.Path("/proc/self/status").read_text())
"""
SECONDS = 5.0
MEBIBYTES = 300


def name_of(case: Case) -> str:
    return f"{case.file}-{case.name}"


def complaint(case: Case, path: Path) -> str:
    started = time.monotonic()
    with pytest.raises(TableError) as caught:
        read(case, path)
    assert time.monotonic() - started < SECONDS
    return str(caught.value)


def assert_one_helpful_line(message: str, path: Path) -> None:
    assert message.startswith(f"{path}:")
    assert len(message) <= 300
    assert message.isprintable()
    what, _, fix = message.removeprefix(str(path)).partition("; ")
    assert what.strip(":0123456789 ")
    assert fix


def test_there_are_as_many_as_promised() -> None:
    suffixes = [Path(case.file).suffix for case in CASES]

    assert len({(case.file, case.name, case.reads) for case in CASES}) == 170
    assert {s: suffixes.count(s) for s in (".jsonl", ".csv", ".tsv", ".xlsx")} == {
        ".jsonl": 60,
        ".csv": 59,
        ".tsv": 1,
        ".xlsx": 50,
    }


@pytest.mark.parametrize("case", SAMPLE, ids=name_of)
def test_a_bad_file_gives_one_helpful_line(case: Case, tmp_path: Path) -> None:
    path = written(case, tmp_path)

    assert_one_helpful_line(complaint(case, path), path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_bad_file_gives_one_helpful_line_whatever_is_drawn(
    case: Case, seed: int, tmp_path: Path
) -> None:
    path = written(case, tmp_path, seed)

    assert_one_helpful_line(complaint(case, path), path)


@pytest.mark.slow
@pytest.mark.parametrize("case", [c for c in CASES if c.reads == "responses"], ids=name_of)
def test_judging_a_bad_file_ends_with_2_and_leaves_nothing_behind(
    case: Case, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(case, tmp_path)
    status = tmp_path_factory.mktemp("status") / "status"
    before = traces(tmp_path)

    ended = judge(case, path, status)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert_one_helpful_line(ended.stderr.removesuffix("\n"), path)
    assert traces(tmp_path) == before
    assert peak_mebibytes(status) < MEBIBYTES


def judge(case: Case, path: Path, status: Path) -> subprocess.CompletedProcess[str]:
    """Run `cvalues judge` on a file, and keep what the system says of the process at its end."""
    declared = ["--encoding", case.encoding] if case.encoding else []
    words = ["judge", str(path), "--rubric", "safety", "--judge", "openai/none", *declared]
    return subprocess.run(
        [sys.executable, "-c", WATCHED, str(status), *words],
        cwd=path.parent,
        env=environment(path.parent),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def peak_mebibytes(status: Path) -> float:
    lines = status.read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def traces(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of everything in a folder that a command could have changed."""
    entries = [entry for entry in folder.rglob("*") if not stat.S_ISDIR(entry.lstat().st_mode)]
    return {str(e): (e.lstat().st_size, e.lstat().st_mtime_ns) for e in entries}
