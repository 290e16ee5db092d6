"""`cvalues calibrate` and `cvalues plan-labels` through the console script."""

import csv
import gzip
import json
import random
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from calibration.passport import load_passport
from judge.calibrate.passport import identity_of
from rubrics import load_rubric
from tests.cli.program import Ended, program
from tests.judge.calibrate.calibration_material import labels, scores, table
from tests.judge.gate.releases import MANIFEST, release, store_at
from tests.shared_material import shared_file

JUDGED = [1] * 80 + [0] * 20
HUMAN = {n: int(JUDGED[n] == 1) if n % 8 else 1 - JUDGED[n] for n in range(0, 100, 2)}


def calibrate(folder: Path, *more: str | Path, design: str | None = "random") -> Ended:
    """Calibrate the tables of a test's folder."""
    return program(
        "calibrate", "--scores", folder / "scores.csv", "--labels", folder / "labels.csv",
        *(["--design", design] if design else []), *more,
        folder=folder,
    )  # fmt: skip


def stage(folder: Path) -> None:
    """Lay out scores and the labels of two experts."""
    scores(folder / "scores.csv", JUDGED)
    labels(folder / "labels.csv", HUMAN, "e1", "e2")


def test_foreign_scores_are_corrected_and_the_verdict_stands_first(tmp_path: Path) -> None:
    stage(tmp_path)

    ended = calibrate(tmp_path)

    assert ended.code == 0, ended.err
    first, second, *_ = ended.out.splitlines()
    assert first.startswith("Use the corrected scores below")
    assert second.startswith("safe, m: corrected score")
    assert "not valid as a result" in ended.out


def test_the_table_of_coefficients_is_chinese_and_says_when_each_is_used(tmp_path: Path) -> None:
    stage(tmp_path)

    ended = program(
        *("calibrate", "--scores", tmp_path / "scores.csv", "--labels", tmp_path / "labels.csv"),
        *("--design", "random", "--coefficients"),
        folder=tmp_path,
        environ={"CVALUES_UI": "zh", "COLUMNS": "300"},
    )

    table = ended.out[ended.out.index("适用情形") :]
    assert "有一类占绝大多数，例如安全判定" in table
    latin = re.findall(r"[A-Za-z']{2,}", table)
    assert set(latin) <= {"safe", "AC", "Krippendorff"}


@pytest.mark.parametrize(
    ("judged", "said"),
    [
        ([1] * 100, "of 1 cases, in 1 nothing shows that it is better than chance."),
        ([""] * 100, "of 1 cases, in 1 there is no corrected score."),
    ],
)
def test_a_judge_that_nothing_speaks_for_is_not_said_to_be_usable(
    tmp_path: Path, judged: Sequence[int | str], said: str
) -> None:
    stage(tmp_path)
    scores(tmp_path / "scores.csv", judged)

    ended = calibrate(tmp_path)

    assert ended.code == 0, ended.err
    assert ended.out.startswith(f"The labels do not show that the judge can be used: {said}")
    assert "too few labels" not in ended.out


def test_everything_is_written_as_json(tmp_path: Path) -> None:
    stage(tmp_path)

    ended = calibrate(tmp_path, "--out-json", tmp_path / "o.json", "--json")

    written = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    assert written == json.loads(ended.out)
    (finding,) = written["findings"]
    assert finding["judge_only"] == {"valid": False, "value": 0.8, "low": 0.8, "high": 0.8}
    assert finding["corrected"]["low"] < finding["corrected"]["value"]
    assert finding["human_only"]["low"] < finding["human_only"]["high"]


def test_an_earlier_version_and_the_judges_family_are_looked_at(tmp_path: Path) -> None:
    stage(tmp_path)
    scores(tmp_path / "before.csv", [1 - JUDGED[0], *JUDGED[1:]])

    ended = calibrate(
        tmp_path, "--against", tmp_path / "before.csv", "--family", "m", "--out-json", "o.json",
        "--report", "f.html",
    )  # fmt: skip

    assert ended.code == 0, ended.err
    assert "safe, m: against j 1 of 100 verdicts changed" in ended.out
    written = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    (finding,) = written["findings"]
    assert finding["consistency"]["needed"] == 1
    assert finding["drift"]["flip_rate"]["low"] < 0.01 < finding["drift"]["flip_rate"]["high"]
    assert "has one value" in written["self_preference"][0]["why"]
    page = (tmp_path / "f.html").read_text(encoding="utf-8")
    assert "Inter-expert reliability" in page
    assert "专家间信度" in page


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--family", "x", "--family: no response is of system 'x'; there are m."),
        ("--wanted-agreement", "90", "--wanted-agreement must lie between 0 and 1"),
        ("--confidence", "95", "--confidence must lie between 0 and 1"),
        ("--covariate", "tone", "--covariate: no item has a value in column 'tone'."),
        ("--against", "nowhere.csv", "nowhere.csv"),
    ],
)
def test_2_a_wish_that_cannot_be_met_is_one_line(
    option: str, value: str, message: str, tmp_path: Path
) -> None:
    stage(tmp_path)

    ended = calibrate(tmp_path, option, value)

    assert ended.code == 2
    assert message in ended.err
    assert len(ended.err.splitlines()) == 1


def test_2_an_earlier_version_of_another_criterion_is_none(tmp_path: Path) -> None:
    stage(tmp_path)
    row = {"id": "p0", "system": "m", "judge": "j", "criterion": "kind", "score": 1}
    table(tmp_path / "before.csv", [row])

    ended = calibrate(tmp_path, "--against", tmp_path / "before.csv")

    assert ended.code == 2
    assert "no verdict in it is of this judge and criterion" in ended.err


def test_nobody_says_how_labels_were_drawn_and_no_interval_is_given(tmp_path: Path) -> None:
    stage(tmp_path)

    ended = calibrate(tmp_path, design=None)

    assert ended.code == 2
    assert ended.err.startswith("say how the labelled items were chosen")
    assert len(ended.err.splitlines()) == 1


def test_4_a_judge_below_chance_is_not_to_be_used(tmp_path: Path) -> None:
    scores(tmp_path / "scores.csv", [1, 0] * 30)
    labels(tmp_path / "labels.csv", dict(enumerate([0, 1] * 30)))

    ended = calibrate(tmp_path)

    assert ended.code == 4
    assert ended.out.startswith("Do not use this judge")
    assert "below chance" in ended.out


def test_a_wrong_file_ends_with_one_line(tmp_path: Path) -> None:
    stage(tmp_path)
    (tmp_path / "labels.csv").write_text("id,score\np0,1\n", encoding="utf-8")

    ended = calibrate(tmp_path)

    assert ended.code == 2
    assert "labels.csv:1: no column 'rater'" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_page_and_a_passport_are_made_of_foreign_scores(tmp_path: Path) -> None:
    stage(tmp_path)

    ended = calibrate(
        tmp_path, "--report", tmp_path / "f.html", "--passport", tmp_path / "p.json",
        "--judge-hash", "gpt-4-0613", "--half-width", "0.1",
    )  # fmt: skip

    assert ended.code == 0, ended.err
    passport = load_passport(tmp_path / "p.json")
    assert passport.identity.judge_hash == "gpt-4-0613"
    assert passport.identity.rubric_hash == "unknown"
    entry = passport.entry("safe")
    assert entry is not None
    assert entry.n == 50
    page = (tmp_path / "f.html").read_text(encoding="utf-8")
    assert '<section id="validity">' in page
    assert page.count("<script>") == 1  # the choice of language; there are no items to filter


def run_of(folder: Path, human: Sequence[int | None]) -> Path:
    """Keep a run with its rubric, judged as JUDGED."""
    store = store_at(folder)
    side = release(store, "r", JUDGED, labels=human, groups=["law", "law", "health", "health"] * 25)
    rubric = load_rubric("safety", language="en")
    store.add_document(side.run, "rubric/safety/en", rubric.model_dump_json())
    store.close()
    return folder / "releases.db"


def test_a_run_is_calibrated_with_its_own_labels_and_gets_a_passport(tmp_path: Path) -> None:
    store = run_of(tmp_path, [HUMAN.get(n) for n in range(100)])

    ended = program(
        "calibrate", "--run", "r", "--store", store, "--design", "random", "--by", "group",
        "--passport", tmp_path / "p.json", "--report", tmp_path / "r.html",
        folder=tmp_path,
    )  # fmt: skip

    assert ended.code == 0, ended.err
    assert "safety.safe, r: corrected score" in ended.out
    assert "law" in ended.out
    passport = load_passport(tmp_path / "p.json")
    assert passport.identity == identity_of(MANIFEST)
    assert {entry.group for entry in passport.entries} == {None, "law", "health"}
    assert '<section id="validity">' in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_run_without_labels_says_where_to_get_them(tmp_path: Path) -> None:
    store = run_of(tmp_path, [])

    ended = program(
        "calibrate", "--run", "r", "--store", store, "--design", "random", folder=tmp_path
    )

    assert ended.code == 2
    assert "cvalues sample" in ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--run", "r", "--scores", "s.csv"], "either --scores FILE or --run RUN"),
        (["--scores", "s.csv"], "--scores needs --labels"),
        (["--scores", "s.csv", "--scale", "1;2"], "--scale '1;2' cannot be read"),
        (["--scores", "s.csv", "--scale", "1,2", "--scale", "1,3"], "says its value twice"),
    ],
)
def test_words_that_do_not_fit_end_with_one_line(
    tmp_path: Path, words: list[str], said: str
) -> None:
    ended = program("calibrate", *words, folder=tmp_path)

    assert ended.code == 2
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


def test_labels_are_planned_from_a_first_set(tmp_path: Path) -> None:
    stage(tmp_path)

    ended = program(
        "plan-labels", "--scores", tmp_path / "scores.csv", "--labels", tmp_path / "labels.csv",
        "--half-width", "0.1", "--curve", "--json", folder=tmp_path,
    )  # fmt: skip

    answer = json.loads(ended.out)
    (plan,) = answer["plans"]
    assert 10 <= plan["labels"] <= 100
    assert plan["half_width"] <= 0.1
    widths = [half for _, half in answer["curves"]["safe m"]]
    assert widths == sorted(widths, reverse=True)


def test_labels_are_planned_from_a_guess_for_a_gate(tmp_path: Path) -> None:
    ended = program("plan-labels", "--rate", "0.97", "--margin", "0.05", "--json", folder=tmp_path)

    (plan,) = json.loads(ended.out)["plans"]
    assert plan["power"] == pytest.approx(0.8, abs=0.02)
    assert plan["labels"] == 2 * plan["prompts"] == 2 * plan["labels_per_system"]
    # log(0.05 / sqrt(5)) / log(0.95), the risk of the first of five looks.
    assert plan["hard_floor"] == 75 <= plan["prompts"]


def test_labels_are_planned_from_a_guess_for_a_floor(tmp_path: Path) -> None:
    ended = program("plan-labels", "--rate", "0.97", "--floor", "0.94", "--json", folder=tmp_path)

    (plan,) = json.loads(ended.out)["plans"]
    assert plan["power"] >= 0.8
    assert plan["labels"] < plan["human_only"]


def test_labels_are_planned_for_a_mean_in_points_of_its_scale(tmp_path: Path) -> None:
    judged = [4 + n % 6 for n in range(300)]
    scores(tmp_path / "scores.csv", judged)
    labels(tmp_path / "labels.csv", {n: judged[n] - (n % 3 == 0) for n in range(0, 300, 5)})

    ended = program(
        "plan-labels", "--scores", tmp_path / "scores.csv", "--labels", tmp_path / "labels.csv",
        "--scale", "safe=1,10", "--criterion", "safe", "--half-width", "0.25", "--curve", "--json",
        folder=tmp_path,
    )  # fmt: skip

    assert ended.code == 0, ended.err
    (plan,) = json.loads(ended.out)["plans"]
    # Experts give .33 less than the judge's mean of 6.5.
    assert plan["expected"] == pytest.approx(6.17, abs=0.02)
    assert plan["half_width"] <= 0.25
    assert plan["labels"] < plan["human_only"]


def test_2_labels_are_planned_for_known_criteria_only(tmp_path: Path) -> None:
    stage(tmp_path)

    ended = program(
        "plan-labels", "--scores", tmp_path / "scores.csv", "--labels", tmp_path / "labels.csv",
        "--criterion", "saef", "--half-width", "0.1",
        folder=tmp_path,
    )  # fmt: skip

    assert ended.code == 2
    assert ended.err == "--criterion: no label is of 'saef'; there are safe.\n"


def test_a_plan_needs_an_aim(tmp_path: Path) -> None:
    ended = program("plan-labels", "--rate", "0.97", folder=tmp_path)

    assert ended.code == 2
    assert "--half-width, --margin, --floor or --curve" in ended.err


def xstest(folder: Path, share: float) -> None:
    """Write XSTest's GPT-4 verdicts, and a random share of its experts' labels."""
    source = shared_file("data", "human", "xstest", "labels.csv.gz")
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    units = sorted({(row["item_id"], row["system"]) for row in rows})
    said = {
        (row["item_id"], row["system"]): row["score"] for row in rows if row["rater_id"] == "gpt-4"
    }
    rng = random.Random(0)
    drawn = set(rng.sample(units, round(share * len(units))))
    table(
        folder / "scores.csv",
        (
            {
                "id": unit[0], "system": unit[1], "judge": "gpt-4", "criterion": "refusal",
                "score": said.get(unit, ""),
            }
            for unit in units
        ),
    )  # fmt: skip
    table(
        folder / "labels.csv",
        (
            {
                "id": row["item_id"], "system": row["system"], "rater": row["rater_id"],
                "criterion": "refusal", "score": row["score"],
            }
            for row in rows
            if row["rater_kind"] == "human" and (row["item_id"], row["system"]) in drawn
        ),
    )  # fmt: skip


def test_xstest_experts_correct_a_real_gpt_4_judge(tmp_path: Path) -> None:
    xstest(tmp_path, 0.2)

    ended = calibrate(tmp_path, "--at-least", "1", "--gold", "final_label", "--json")

    answer = json.loads(ended.out)
    found = {each["system"]: each for each in answer["findings"]}
    # All 450 adjudicated labels of each system, from the same file: partial and full refusals.
    truth = {
        "gpt4": 220, "llama2new": 274, "llama2orig": 349, "mistralguard": 240,
        "mistralinstruct": 76,
    }  # fmt: skip
    assert {name: each["n_missing"] for name, each in found.items()} == {
        "gpt4": 0, "llama2new": 0, "llama2orig": 0, "mistralguard": 0, "mistralinstruct": 11,
    }  # fmt: skip
    for name, refused in truth.items():
        corrected = found[name]["corrected"]
        assert corrected["low"] <= refused / 450 <= corrected["high"]
    assert answer["error_rates"][0]["differ"] is True
    assert found["llama2new"]["judge_only"]["value"] < found["llama2new"]["corrected"]["low"]


def test_what_fetch_writes_of_xstest_calibrates(tmp_path: Path) -> None:
    published = shared_file("data", "upstream", "xstest")
    fetched = program("fetch", "xstest", "--from", published, folder=tmp_path)
    folder = tmp_path / ".cvalues" / "datasets" / "xstest"

    ended = program(
        "calibrate", "--scores", folder / "scores-gpt-4.jsonl", "--labels",
        folder / "experts.jsonl", "--gold", "final_label", "--design", "random",
        "--at-least", "1", "--against", folder / "scores-string-rule.jsonl", "--json",
        folder=tmp_path,
    )  # fmt: skip

    assert fetched.code == 0, fetched.err
    assert ended.code == 0, ended.err
    found = {each["system"]: each for each in json.loads(ended.out)["findings"]}
    # Every answer has its final label here: 274 of 450 are partial or full refusals.
    assert found["llama2new"]["corrected"]["value"] == pytest.approx(274 / 450)
    assert found["mistralinstruct"]["n_missing"] == 11
    assert found["mistralinstruct"]["drift"]["n_silenced"] == 11
    assert {each["name"] for each in found["gpt4"]["bias"]["effects"]} == {"length"}
    assert set(found["gpt4"]["consistency"]["severity"]) == {"annotation_1", "annotation_2"}
