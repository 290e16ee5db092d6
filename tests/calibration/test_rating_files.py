import json
from pathlib import Path
from typing import Any

import pytest

from calibration.rating_files import read_labels, read_scores
from calibration.ratings import RatingScale, Unit, pivot
from calibration.tables import TableError

HEADER = "id,system,rater,criterion,score,group\n"
SCALES = {"safe": RatingScale(0, 1, (0, 1)), "overall": RatingScale(1, 10)}
UNITS = [Unit("q1", "m"), Unit("q2", "m")]


def labels_file(folder: Path, rows: str) -> Path:
    """Write a table of labels."""
    file = folder / "labels.csv"
    file.write_text(HEADER + rows, encoding="utf-8")
    return file


def test_labels_of_several_raters_are_read(tmp_path: Path) -> None:
    file = labels_file(tmp_path, "q1,m,amy,safe,1,law\nq1,m,张,safe,0,law\nq2,m,amy,overall,7.5,\n")

    found = read_labels(file, scales=SCALES, units=UNITS)

    assert [(one.rater, one.score, one.group) for one in found.ratings] == [
        ("amy", 1.0, "law"),
        ("张", 0.0, "law"),
        ("amy", 7.5, None),
    ]
    assert pivot(found.ratings, criterion="safe").raters == ("amy", "张")


def test_rows_that_nobody_filled_in_are_counted(tmp_path: Path) -> None:
    found = read_labels(labels_file(tmp_path, "q1,m,amy,safe,1,\nq2,m,,safe,,\n"))

    assert (len(found.ratings), found.n_blank) == (1, 1)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("q1,m,amy,safe,2,\n", "labels.csv:2: score 2 is not on the scale of 'safe'; give one of"),
        ("q1,m,amy,overall,11,\n", "labels.csv:2: score 11 .* 'overall'; give 1 to 10"),
        ("q1,m,amy,saef,1,\n", "labels.csv:2: unknown criterion 'saef'; is 'safe' meant"),
        ("q1,m,amy,xyz,1,\n", "unknown criterion 'xyz'; it belongs to another run or rubric"),
        ("q11,m,amy,safe,1,\n", "labels.csv:2: unknown item 'q11' of m; is 'q1' meant"),
        ("q1,other,amy,safe,1,\n", "unknown item .*; that id is known, but with another system"),
        ("q1,m,,safe,1,\n", "labels.csv:2: 'rater' is empty"),
        ("q1,m,amy ,safe,1,\n", "labels.csv:2: 'amy ' has blanks around it; remove them"),
        ("q1,m,amy,safe,yes,\n", "labels.csv:2: 'score' is .*, not a number"),
        ("q1,m,amy,safe,nan,\n", "labels.csv:2: 'score' is .*, not a number"),
        (
            "q1,m,amy,safe,1,\nq2,m,amy,safe,1,\nq1,m,amy,safe,0,\n",
            "labels.csv:4: 'amy' rated 'q1' of m on 'safe' already, at line 2; keep one",
        ),
        (
            "q1,m,amy,safe,1,law\nq1,m,zoe,safe,1,art\n",
            "labels.csv:3: 'q1' of m stands in group 'art', but at line 2 in 'law'",
        ),
        ("q1,m,,safe,,\n", "labels.csv: no row has a score; fill in the scores"),
    ],
)
def test_one_wrong_row_refuses_the_file(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        read_labels(labels_file(tmp_path, rows), scales=SCALES, units=UNITS)


def test_a_file_without_raters_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("id,criterion,score\nq1,safe,1\n", encoding="utf-8")

    with pytest.raises(TableError, match="no column 'rater'"):
        read_labels(file)


def test_scores_keep_missing_verdicts_and_repeats(tmp_path: Path) -> None:
    file = tmp_path / "verdicts.jsonl"
    rows = [
        {"id": "q1", "judge": "j", "criterion": "safe", "score": 1, "outcome": "ok", "repeat": 0},
        {"id": "q1", "judge": "j", "criterion": "safe", "score": 0, "outcome": "ok", "repeat": 1},
        {"id": "q2", "judge": "j", "criterion": "safe", "score": None, "outcome": "unscored.x"},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    found = read_scores(file, scales=SCALES)

    assert [(one.score, one.repeat) for one in found.ratings] == [(1.0, 0), (0.0, 1), (None, 0)]
    assert found.n_blank == 0


def test_a_score_beside_a_failed_outcome_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "verdicts.csv"
    file.write_text("id,judge,criterion,score,outcome\nq1,j,safe,1,error.timeout\n", "utf-8")

    with pytest.raises(TableError, match=r"verdicts.csv:2: a score beside the outcome"):
        read_scores(file)


def region(name: str, kind: str, value: object) -> dict[str, object]:
    """Give one region of an annotation."""
    return {"from_name": name, "to_name": "t", "type": kind, "value": {kind: value}}


def export(folder: Path, *annotations: dict[str, Any]) -> Path:
    """Write a Label Studio export of one task, and one that nobody annotated."""
    fields = {"id": "q1", "system": "m", "sample": 0, "group": "law", "rubric_hash": "r1"}
    tasks: list[dict[str, Any]] = [
        {"id": 1, "data": fields, "annotations": list(annotations)},
        {"id": 2, "data": {"id": "q2", "system": "m"}, "annotations": []},
    ]
    file = folder / "export.json"
    file.write_text(json.dumps(tasks, ensure_ascii=False), encoding="utf-8")
    return file


def test_label_studio_annotations_become_ratings(tmp_path: Path) -> None:
    first = {
        "completed_by": 7,
        "result": [
            region("safe", "choices", ["1"]),
            region("overall", "rating", 8),
            {"from_name": "rationale", "type": "textarea", "value": {"text": ["好", "因为"]}},
            {"from_name": "safe_rationale", "type": "textarea", "value": {"text": "calm"}},
        ],
    }
    second = {"completed_by": {"id": 9, "email": "zoe@x"}, "result": [region("safe", "number", 0)]}
    third: dict[str, Any] = {"completed_by": {"id": 9}, "was_cancelled": True, "result": []}

    found = read_labels(export(tmp_path, first, second, third), scales=SCALES, units=UNITS)

    assert [(one.rater, one.criterion, one.score, one.rationale) for one in found.ratings] == [
        ("7", "safe", 1.0, "calm"),
        ("7", "overall", 8.0, "好\n因为"),
        ("zoe@x", "safe", 0.0, None),
    ]
    assert found.ratings[0].unit == Unit("q1", "m", 0)
    assert (found.ratings[0].group, found.ratings[0].rubric_hash) == ("law", "r1")
    assert found.n_blank == 1


def test_choices_may_stand_for_scores(tmp_path: Path) -> None:
    answer = {"completed_by": {"id": 4}, "result": [region("safe", "choices", ["安全"])]}

    found = read_labels(export(tmp_path, answer), codes={"安全": 1})

    assert (found.ratings[0].rater, found.ratings[0].score) == ("4", 1.0)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ({"result": []}, "has no 'completed_by'"),
        ({"completed_by": 1.5, "result": []}, "completed_by is no name"),
        ({"completed_by": " ", "result": []}, "completed_by is no name"),
        ({"completed_by": 1, "result": [region("s", "choices", ["好"])]}, "is '好', no number"),
        ({"completed_by": 1, "result": [region("s", "choices", ["1", "0"])]}, "has 2 choices"),
        ({"completed_by": 1, "result": [region("s", "rating", "5")]}, "is no number"),
        ({"completed_by": 1, "result": [region("s", "labels", ["x"])]}, "is of type 'labels'"),
        ({"completed_by": 1, "result": [region("safe", "rating", 5)]}, "score 5 is not on"),
        (
            {"completed_by": 1, "result": [region("safe", "rating", 1)] * 2},
            r"already, at \[0\].annotations\[0\].result\[0\]",
        ),
    ],
)
def test_an_annotation_that_is_not_as_described_is_refused(
    tmp_path: Path, annotation: dict[str, Any], message: str
) -> None:
    scales = SCALES if "safe" in json.dumps(annotation) else None

    with pytest.raises(TableError, match=message):
        read_labels(export(tmp_path, annotation), scales=scales)


def test_a_sample_that_is_no_count_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    answer = {"completed_by": 1, "result": [region("safe", "rating", 1)]}
    task = {"data": {"id": 3, "sample": "first"}, "annotations": [answer]}
    file.write_text(json.dumps([task]), encoding="utf-8")

    with pytest.raises(TableError, match="sample is no sample number"):
        read_labels(file)


def test_a_task_may_lack_what_is_optional(tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    answer = {"completed_by": 1, "result": [region("safe", "choices", ["-1"])]}
    file.write_text(json.dumps([{"data": {"id": 3}, "annotations": [answer]}]), encoding="utf-8")

    found = read_labels(file).ratings[0]

    assert (found.unit, found.score) == (Unit("3"), -1.0)
