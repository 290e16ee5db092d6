"""Tables of scores and labels: what is read, and what is refused with its line."""

from pathlib import Path

import pytest

from judge.calibrate.calibration_set import Part, Question
from judge.calibrate.from_files import material
from judge.calibrate.from_run import parts
from judge.errors import ConfigError
from judge.files.decoding import TableError
from tests.judge.calibrate.calibration_material import labels, scores, table


def read(folder: Path, question: Question | None = None) -> tuple[Part, ...]:
    """Read the tables of a test's folder."""
    return parts(
        material(folder / "scores.csv", folder / "labels.csv", question=question or Question())
    )


def test_an_empty_score_is_a_missing_verdict(tmp_path: Path) -> None:
    scores(tmp_path / "scores.csv", [1, "", 0])
    labels(tmp_path / "labels.csv", {0: 1, 1: 1})

    (part,) = read(tmp_path)

    assert part.verdicts.tolist() == pytest.approx([1.0, float("nan"), 0.0], nan_ok=True)


def test_scores_of_0_and_1_are_a_rate(tmp_path: Path) -> None:
    scores(tmp_path / "scores.csv", [1, 0])
    labels(tmp_path / "labels.csv", {0: 1})

    assert read(tmp_path)[0].counting.kind == "rate"


def test_a_longer_scale_is_never_guessed(tmp_path: Path) -> None:
    scores(tmp_path / "scores.csv", [4, 7])
    labels(tmp_path / "labels.csv", {0: 5})

    with pytest.raises(ConfigError, match=r"not guessed.*--scale safe=MIN,MAX"):
        read(tmp_path)


def test_a_declared_scale_makes_a_mean(tmp_path: Path) -> None:
    scores(tmp_path / "scores.csv", [4, 7])
    labels(tmp_path / "labels.csv", {0: 5})

    (part,) = read(tmp_path, Question(scales={"safe": (1.0, 10.0)}))

    assert (part.counting.kind, part.counting.ends) == ("mean", (1.0, 10.0))


def test_a_level_makes_a_rate_of_any_scale(tmp_path: Path) -> None:
    scores(tmp_path / "scores.csv", [0, 1, 2])
    labels(tmp_path / "labels.csv", {0: 2})

    (part,) = read(tmp_path, Question(at_least={None: 1.0}))

    assert part.judged.tolist() == [0.0, 1.0, 1.0]


def test_a_score_off_the_declared_scale_is_refused(tmp_path: Path) -> None:
    scores(tmp_path / "scores.csv", [4, 11])
    labels(tmp_path / "labels.csv", {0: 5})

    with pytest.raises(ConfigError, match="11 is off the scale 1 to 10"):
        read(tmp_path, Question(scales={None: (1.0, 10.0)}))


def test_a_label_of_an_unknown_item_is_refused_with_its_line(tmp_path: Path) -> None:
    scores(tmp_path / "scores.csv", [1, 0])
    labels(tmp_path / "labels.csv", {0: 1, 7: 1})

    with pytest.raises(TableError, match=r"labels\.csv:3: item 'p7' has no score"):
        read(tmp_path)


def test_a_second_score_of_an_item_is_refused_with_both_lines(tmp_path: Path) -> None:
    row = {"id": "p", "system": "m", "judge": "j", "criterion": "safe", "score": 1}
    table(tmp_path / "scores.csv", [row, row])
    labels(tmp_path / "labels.csv", {0: 1})

    with pytest.raises(TableError, match=r"scores\.csv:3: the same as line 2"):
        read(tmp_path)


def test_a_rater_must_be_named(tmp_path: Path) -> None:
    scores(tmp_path / "scores.csv", [1, 0])
    labels(tmp_path / "labels.csv", {0: 1}, "")

    with pytest.raises(TableError, match=r"labels\.csv:2: 'rater' is empty"):
        read(tmp_path)


def test_repeats_settle_on_the_lower_middle_and_count_as_flips(tmp_path: Path) -> None:
    table(
        tmp_path / "scores.csv",
        (
            {"id": "p0", "judge": "j", "criterion": "safe", "score": score, "repeat": repeat}
            for repeat, score in enumerate([1, 0])
        ),
    )
    table(tmp_path / "labels.csv", [{"id": "p0", "rater": "e", "criterion": "safe", "score": 1}])

    (part,) = read(tmp_path)

    assert part.verdicts.tolist() == [0.0]
    assert part.flips == (1, 1)


def test_systems_are_never_pooled(tmp_path: Path) -> None:
    table(
        tmp_path / "scores.csv",
        (
            {"id": "p0", "system": system, "judge": "j", "criterion": "safe", "score": 1}
            for system in ("a", "b")
        ),
    )
    labels(tmp_path / "labels.csv", {0: 1}, system="a")

    assert [part.system for part in read(tmp_path)] == ["a", "b"]


def test_a_label_without_system_is_refused_where_there_are_several(tmp_path: Path) -> None:
    table(
        tmp_path / "scores.csv",
        (
            {"id": "p0", "system": system, "judge": "j", "criterion": "safe", "score": 1}
            for system in ("a", "b")
        ),
    )
    table(tmp_path / "labels.csv", [{"id": "p0", "rater": "e", "criterion": "safe", "score": 1}])

    with pytest.raises(TableError, match="name one of a, b"):
        read(tmp_path)


def test_one_simulated_score_makes_all_simulated(tmp_path: Path) -> None:
    table(
        tmp_path / "scores.csv",
        (
            {"id": f"p{n}", "judge": "j", "criterion": "safe", "score": 1, "provenance": stamp}
            for n, stamp in enumerate(["LIVE", "SIMULATED"])
        ),
    )
    table(tmp_path / "labels.csv", [{"id": "p0", "rater": "e", "criterion": "safe", "score": 1}])

    assert read(tmp_path)[0].provenance == "SIMULATED"


def test_a_gold_rater_who_labelled_nothing_is_refused(tmp_path: Path) -> None:
    scores(tmp_path / "scores.csv", [1, 0])
    labels(tmp_path / "labels.csv", {0: 1})

    with pytest.raises(ConfigError, match="no label is by 'boss'"):
        read(tmp_path, Question(gold="boss"))


def test_a_third_settles_what_two_dispute_and_is_no_peer(tmp_path: Path) -> None:
    scores(tmp_path / "scores.csv", [1, 0, 1, 0])
    said = {"ann": {0: 1, 1: 0, 2: 1, 3: 1}, "bo": {0: 1, 1: 1, 2: 1, 3: 0}, "rev": {1: 0, 3: 0}}
    table(
        tmp_path / "labels.csv",
        (
            {
                "id": f"p{item}",
                "system": "m",
                "rater": rater,
                "criterion": "safe",
                "score": level,
                "kind": "adjudicate" if rater == "rev" else "label",
            }
            for rater, levels in said.items()
            for item, level in levels.items()
        ),
    )

    (part,) = read(tmp_path, Question(at_least={"safe": 1}))

    assert part.human.tolist() == [1.0, 0.0, 1.0, 0.0]
    assert [part.raters[at] for at in part.peers] == ["ann", "bo"]
    assert part.thirds == {"rev (third)"}
