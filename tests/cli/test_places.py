"""A place that cannot be used, for reading or for writing: exit code 2 and one line, in words."""

from pathlib import Path

import pytest

from tests.cli.program import program
from tests.cli.runs import responses
from tests.cli.test_surroundings import as_anybody


@pytest.mark.parametrize(
    "words",
    [
        ["demo", "--out", "file"],
        ["demo", "--out", "file/below"],
        ["demo", "--conversations", "--out", "file"],
        ["dataset", "records", "records.jsonl", "--out", "file", "--system", "m"],
    ],
)
def test_a_folder_where_a_file_stands_is_refused_in_one_line(
    words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "records.jsonl").write_text(
        '{"prompt": "p", "reply_1": "a", "reply_2": "b", "reply_3": "c", "best": 1, "score": 6}\n',
        encoding="utf-8",
    )

    ended = program(*words, folder=tmp_path)

    assert ended.code == 2
    assert ended.err.splitlines() == [
        f"{words[-1] if words[0] == 'demo' else 'file'}: {IN_ITS_WAY}"
    ]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


IN_ITS_WAY = "a file stands in its way; name a folder."


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "words", [["judge", "{}", "--rubric", "safety"], ["rubrics", "lint", "{}"]]
)
def test_a_file_that_may_not_be_read_is_told_in_one_line(
    words: list[str], language: str, tmp_path: Path
) -> None:
    path = responses(tmp_path, 1)
    path.chmod(0)

    ended = program(
        *[word.format(path) for word in words],
        folder=tmp_path,
        environ={"CVALUES_UI": language},
        within=as_anybody,
    )

    assert ended.code == 2
    assert len(ended.err.splitlines()) == 1
    assert "usage" not in ended.err.lower()
    assert ("；" in ended.err) is (language == "zh")


@pytest.mark.parametrize(
    "words", [["runs", "list"], ["report", "r"], ["sample", "r", "--out", "s.csv", "--n", "3"]]
)
@pytest.mark.parametrize("kind", ["folder", "text"])
def test_what_is_no_store_is_bad_input(words: list[str], kind: str, tmp_path: Path) -> None:
    store = tmp_path / "no store"
    if kind == "folder":
        store.mkdir()
    else:
        store.write_text("id,prompt\n1,2\n", encoding="utf-8")

    ended = program(*words, "--store", store, folder=tmp_path)

    assert ended.code == 2
    assert ended.err.splitlines()[-1].startswith(f"{store}: not a ")


def test_a_mapping_of_another_form_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "names.json").write_text('{\n "column": {"id": "编号"}\n}\n', encoding="utf-8")
    path = responses(tmp_path, 1)

    ended = program(
        "generate", path, "--mapping", "names.json", "--model", "openai/x", folder=tmp_path
    )

    assert ended.code == 2
    assert ended.err.strip() == "names.json:2: unknown key 'column'; did you mean 'columns'?"
