"""No damage to a workbook ends the program that reads it."""

import subprocess
import sys
from pathlib import Path

import pytest

from judge.files.read import read_rows
from tests.judge.files.mutations import STRINGS, packed_into, read_damaged, sound_parts

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_undamaged_workbook_is_read(tmp_path: Path) -> None:
    path = packed_into(tmp_path / "a.xlsx", sound_parts())

    assert [row.values["id"] for row in read_rows(path)] == ["p0", "p1", "p2", "p3"]


def test_a_promise_of_many_strings_is_not_believed(tmp_path: Path) -> None:
    parts = sound_parts()
    # calamine would set aside 96 GiB for these, and abort.
    parts[STRINGS] = parts[STRINGS].replace(b'uniqueCount="2"', b'uniqueCount="4294967296"')

    assert len(list(read_rows(packed_into(tmp_path / "a.xlsx", parts)))) == 4


def test_a_hundred_damaged_workbooks_give_rows_or_one_line(tmp_path: Path) -> None:
    read_damaged(tmp_path, seed=0, number=100)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_thousands_of_damaged_workbooks_leave_the_program_alive(tmp_path: Path, seed: int) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.judge.files.mutations import read_damaged\n"
        "read_damaged(Path(sys.argv[1]), seed=int(sys.argv[2]), number=3000)\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), str(seed)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
