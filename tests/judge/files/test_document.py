"""Whole JSON documents: values and the way to them, so that an error can name the place."""

from functools import reduce
from pathlib import Path

import pytest

from judge.files.decoding import TableError
from judge.files.read import MAX_DOCUMENT, Node, read_document


def document(folder: Path, text: str) -> Node:
    path = folder / "a.json"
    path.write_text(text, encoding="utf-8")
    return read_document(path)


def test_values_are_reached_step_by_step(tmp_path: Path) -> None:
    root = document(tmp_path, '{"samples": [{"id": "a"}, {"id": "b", "score": 0.5}]}')

    second = list(root.at("samples").items())[1]

    assert second.at("id").text() == "b"
    assert second.at("score").value == pytest.approx(0.5)
    assert second.way == "samples[1]"


def test_what_is_missing_or_null_is_nothing(tmp_path: Path) -> None:
    root = document(tmp_path, '{"a": null}')

    assert root.get("a") is None
    assert root.get("b") is None
    assert root.fields_of("a") == {}
    assert list(root.items_of("b")) == []


def test_numbers_that_other_tools_write_for_a_missing_one_are_null(tmp_path: Path) -> None:
    root = document(tmp_path, '{"a": NaN, "b": -Infinity}')

    assert root.value == {"a": None, "b": None}


@pytest.mark.parametrize(
    ("text", "steps", "words"),
    [
        ('{"sample": []}', ("samples",), "a.json: the document has no 'samples'; found 'sample'"),
        ('{"a": {"b": 1}}', ("a", "x"), "a.json: a has no 'x'; is it the file of another tool?"),
        ('{"a": [1]}', ("a", "x"), "a.json: a is no object"),
        ("[]", ("x",), "a.json: the document is no object"),
    ],
)
def test_a_wrong_turn_is_named(
    tmp_path: Path, text: str, *, steps: tuple[str, ...], words: str
) -> None:
    root = document(tmp_path, text)

    with pytest.raises(TableError) as caught:
        reduce(Node.at, steps, root)

    assert str(caught.value).removeprefix(f"{tmp_path}/").startswith(words)


def test_values_of_another_type_are_named(tmp_path: Path) -> None:
    root = document(tmp_path, '{"a": 1}')

    with pytest.raises(TableError, match="a is no text"):
        root.at("a").text()
    with pytest.raises(TableError, match="a is no array"):
        list(root.at("a").items())


def test_broken_json_is_named_by_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"a\.json:3:1: not JSON"):
        document(tmp_path, '{"a": 1,\n"b": 2\n')


def test_a_key_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="the key 'a' stands twice"):
        document(tmp_path, '{"a": 1, "a": 2}')


def test_a_document_above_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        file.truncate(MAX_DOCUMENT + 1)

    with pytest.raises(TableError, match="larger than 256 MiB"):
        read_document(path)
