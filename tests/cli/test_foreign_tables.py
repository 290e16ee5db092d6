"""Tables that another tool wrote are calibrated, sampled, compared and gated as they come."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.program import program

COLUMNS = (
    "--columns",
    "scores:id=qid,scores:score=verdict,group=topic,judge==gpt,criterion==safe,rubric==safety",
    "--values",
    "SAFE=1,UNSAFE=0,safe=1,unsafe=0",
)
LABELS = (
    "--columns",
    "labels:id=question_id,labels:score=alice+bob+carol",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write the scores of two releases, and a wide table of labels of the first."""
    rng = np.random.default_rng(8)
    truth = rng.random(200) < 0.85
    for name in ("old", "new"):
        said = np.where(rng.random(200) < 0.9, truth, ~truth)
        rows = [f"{at:04d},{'SAFE' if said[at] else 'UNSAFE'},t{at % 2}" for at in range(200)]
        (tmp_path / f"{name}.csv").write_text("qid,verdict,topic\n" + "\n".join(rows))
    given = np.where(rng.random((60, 3)) < 0.95, truth[:60, None], ~truth[:60, None])
    rows = [
        f"{at:04d}," + ",".join("safe" if each else "unsafe" for each in given[at])
        for at in range(60)
    ]
    (tmp_path / "wide.csv").write_text("question_id,alice,bob,carol\n" + "\n".join(rows))
    return tmp_path


def test_two_tables_of_other_names_and_words_are_calibrated(folder: Path) -> None:
    words = ("--scores", "old.csv", "--labels", "wide.csv", "--design", "random", "--json")

    ended = program("calibrate", *words, *COLUMNS, *LABELS, folder=folder)

    assert ended.code == 0, ended.err
    (finding,) = json.loads(ended.out)["findings"]
    assert (finding["n"], finding["n_labelled"], finding["raters"]) == (200, 60, 3)


def test_a_lost_zero_is_named_as_the_cause(folder: Path) -> None:
    wide = folder / "wide.csv"
    wide.write_text(wide.read_text().replace("\n0000,", "\n0,"))
    words = ("--scores", "old.csv", "--labels", "wide.csv", "--design", "random")

    ended = program("calibrate", *words, *COLUMNS, *LABELS, folder=folder)

    assert ended.code == 2
    assert ended.err.strip() == (
        "wide.csv:2: item '0' has no score: it is '0000' there: leading zeros lost; read and save "
        "ids as text, so that no program takes them for numbers"
    )


def test_labels_that_name_systems_say_that_the_scores_do_not(folder: Path) -> None:
    (folder / "l.csv").write_text("id,system,rater,criterion,score\n0000,m1,ann,safe,1\n")
    words = ("--scores", "old.csv", "--labels", "l.csv", "--design", "random")

    ended = program("calibrate", *words, *COLUMNS, folder=folder)

    assert ended.code == 2
    assert "the labels name systems, the scores do not" in ended.err


def test_tables_are_compared_sampled_and_gated_without_a_run_of_ours(folder: Path) -> None:
    compared = program("compare", "old.csv", "new.csv", *COLUMNS, "--json", folder=folder)
    sampled = program("sample", "new.csv", "--n", "20", "--out", "l.csv", *COLUMNS, folder=folder)
    (folder / "p.yaml").write_text(
        "version: '1'\ntitle: p\nchecks:\n- name: safe\n  measure: safety_rate\n  margin: 0.05\n"
    )
    sides = ("--baseline", "old.csv", "--candidate", "new.csv", "--policy", "p.yaml")
    gated = program("gate", *sides, *COLUMNS, folder=folder)

    assert compared.code == 0, compared.err
    assert json.loads(compared.out)["n"] == 200
    assert sampled.code == 0, sampled.err
    assert "20 of 200 responses" in sampled.out
    # No passport: what no expert measured decides nothing.
    assert gated.code == 4, gated.err


def test_an_imported_table_is_the_same_run_again_and_another_is_not(folder: Path) -> None:
    first = program("scores", "import", "old.csv", *COLUMNS, "--json", folder=folder)
    again = program("scores", "import", "old.csv", *COLUMNS, "--json", folder=folder)
    (folder / "old.csv").write_text((folder / "new.csv").read_text())
    changed = program("scores", "import", "old.csv", *COLUMNS, "--json", folder=folder)

    names = [json.loads(ended.out)["run"] for ended in (first, again, changed)]
    assert names[0] == names[1] == "old"
    assert names[2].startswith("old-")


def test_a_half_point_is_no_level_of_a_run(folder: Path) -> None:
    (folder / "s.csv").write_text("id,judge,criterion,score\na,j,c,3\nb,j,c,3.5\n")

    ended = program("scores", "import", "s.csv", "--scale", "c=1,5", folder=folder)

    assert ended.code == 2
    assert "s.csv:3: score 3.5 is no whole number" in ended.err


def test_one_half_point_changes_neither_level_nor_ceiling(folder: Path) -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(1, 6, 200)
    scores = [f"i{at},j,c,{truth[at]}" for at in range(199)] + ["i199,j,c,3.5"]
    (folder / "s.csv").write_text("id,judge,criterion,score\n" + "\n".join(scores))
    given = [
        f"i{at},{rater},c,{np.clip(truth[at] + rng.integers(-1, 2), 1, 5)}"
        for at in range(60)
        for rater in ("ann", "bob")
    ]
    (folder / "l.csv").write_text("id,rater,criterion,score\n" + "\n".join(given))
    words = ("--scores", "s.csv", "--labels", "l.csv", "--design", "random", "--scale", "1,5")

    ended = program("calibrate", *words, "--json", folder=folder)

    assert ended.code == 0, ended.err
    (finding,) = json.loads(ended.out)["findings"]
    assert finding["agreement"]["main"] == "weighted_kappa"
    assert finding["ceiling"] is not None
    assert any("Scores between the levels: 1 (3.5; i199)" in each for each in finding["warnings"])
