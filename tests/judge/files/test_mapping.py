"""Tables of other tools are read as they come, once a user says what their columns mean."""

from pathlib import Path

import pytest

from judge.errors import ConfigError
from judge.files.decoding import TableError
from judge.files.mapping import mapped_rows, parse_mapping, require_columns, score_of
from judge.files.near import cause, known_as

REQUIRED = ("id", "rater", "criterion", "score")


def table(folder: Path, text: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_wide_table_becomes_one_row_for_each_rater(tmp_path: Path) -> None:
    path = table(tmp_path, "qid,alice,bob\nq1,SAFE,UNSAFE\n")
    mapping = parse_mapping(
        ["id=qid", "score=alice+bob", "criterion==safe"], ["SAFE=1", "UNSAFE=0"]
    )

    rows = list(mapped_rows(path, mapping, "labels", required=REQUIRED))

    assert [(row.values["id"], row.values["rater"], score_of(row, mapping)) for row in rows] == [
        ("q1", "alice", 1.0),
        ("q1", "bob", 0.0),
    ]


def test_columns_are_criteria_where_the_rater_is_known(tmp_path: Path) -> None:
    path = table(tmp_path, "id,rater,helpful,harmless\nq1,ann,1,0\n")
    mapping = parse_mapping(["score=helpful+harmless"], [])

    rows = list(mapped_rows(path, mapping, "labels", required=REQUIRED))

    assert [row.values["criterion"] for row in rows] == ["helpful", "harmless"]


def test_a_name_may_be_of_one_of_the_two_tables(tmp_path: Path) -> None:
    scores = table(tmp_path, "qid,score\nq1,1\n", "s.csv")
    labels = table(tmp_path, "item,score\nq1,1\n", "l.csv")
    mapping = parse_mapping(["scores:id=qid,labels:id=item"], [])

    require_columns(mapping, {"scores": scores, "labels": labels})

    read = [
        next(iter(mapped_rows(scores, mapping, "scores"))),
        next(iter(mapped_rows(labels, mapping, "labels"))),
    ]
    assert [row.values["id"] for row in read] == ["q1", "q1"]


def test_a_column_that_no_table_has_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, "id,score\nq1,1\n")

    with pytest.raises(TableError, match=r"t.csv:1: no column 'modle'.*name one of id, score"):
        require_columns(parse_mapping(["system=modle"], []), {"scores": path})


@pytest.mark.parametrize("word", ["id", "=x", "id=", "id=a,id=b"])
def test_words_that_cannot_be_read_are_refused(word: str) -> None:
    with pytest.raises(ConfigError):
        parse_mapping([word], [])


@pytest.mark.parametrize("word", ["safe", "safe=one", "=1", "safe=1,safe=0"])
def test_values_that_cannot_be_read_are_refused(word: str) -> None:
    with pytest.raises(ConfigError):
        parse_mapping([], [word])


def test_a_word_without_a_number_says_how_to_name_it(tmp_path: Path) -> None:
    path = table(tmp_path, "id,score\nq1,maybe\nq2,NULL\n")
    mapping = parse_mapping([], ["yes=1"])
    rows = list(mapped_rows(path, mapping, "scores"))

    with pytest.raises(TableError, match=r"t.csv:2: .*--values maybe=NUMBER \(named so far: yes\)"):
        score_of(rows[0], mapping)
    with pytest.raises(TableError, match=r"t.csv:3: .*--values NULL= if it means no score"):
        score_of(rows[1], mapping)


def test_a_word_may_mean_no_score(tmp_path: Path) -> None:
    path = table(tmp_path, "id,score\nq1,NULL\n")
    mapping = parse_mapping([], ["NULL="])

    assert score_of(next(iter(mapped_rows(path, mapping, "scores"))), mapping) is None


@pytest.mark.parametrize(
    ("name", "known", "why"),
    [
        ("7", "0007", "leading zeros lost"),
        ("q7", "q0007", "leading zeros lost"),
        ("7.0", "7", "a number written with a fraction"),
        ("cafe\u0301", "caf\u00e9", "another Unicode form of the same letters"),
        ("Q7", "q7", "upper and lower case"),
        ("q7 ", "q7", "blanks at an end"),
        ("q-7", "q_7", "blanks and marks between"),
    ],
)
def test_the_cause_of_a_lost_name_is_named(name: str, known: str, why: str) -> None:
    found = cause(name, known_as([known, "other"]))

    assert found is not None
    assert found[0] == f"it is '{known}' there: {why}"


def test_a_name_that_is_near_nothing_has_no_cause() -> None:
    assert cause("q8", known_as(["q7"])) is None
