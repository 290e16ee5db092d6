"""Sheets as spreadsheet programs give them back, and group names that a CI service would obey."""

from pathlib import Path

import pytest

from judge.cli import console
from judge.files.read import read_rows
from judge.files.row import number
from tests.shared_material import shared_file

READ = {
    "v_sep.csv": 1.0,
    "v_commas.csv": 1.0,
    "v_fullwidth.csv": 1.0,
    "v_nbsp.csv": 1.0,
    "v_text1.xlsx": 1.0,
}
"""Sheets of which every score is read."""


@pytest.mark.parametrize("name", READ)
def test_a_sheet_is_read_as_it_was_meant(name: str) -> None:
    rows = list(read_rows(shared_file("cases", "30-sheet-cells", name)))

    assert rows
    assert {number(row, "safe") for row in rows} == {READ[name]}
    assert all(str(row.values["task"]).startswith("t-") for row in rows)


def test_a_first_line_that_names_the_separator_is_none_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=;\nid;score\na;1\n;\nb;x\n", encoding="utf-8")

    rows = list(read_rows(path))

    assert [dict(row.values) for row in rows] == [
        {"id": "a", "score": "1"},
        {"id": "b", "score": "x"},
    ]
    assert [row.line for row in rows] == [3, 5]
    with pytest.raises(ValueError, match=r"a.csv:5: 'score' is the text 'x', not a number"):
        number(rows[1], "score")


@pytest.mark.parametrize(
    "group",
    [
        "::add-mask::1",
        "  ::stop-commands::tok",
        "\t::error title=Fake::crashed",
        "##[error]forged",
        "law\n::error::x",
        "law\r::error::x",
        "\u2028::error::x",
    ],
)
def test_no_text_of_a_data_set_is_a_command_of_the_ci_service(
    group: str, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = {"group": "group", "n": "n"}
    console.say(group)
    console.note(group)
    console.table([{"group": group, "n": 1}], columns)
    console.table([{"group": "long words " * 30 + group, "n": 1}], columns)
    shown = capsys.readouterr()

    for line in (shown.out + shown.err).splitlines():
        assert not line.lstrip().startswith("::")
        assert "##[" not in line
