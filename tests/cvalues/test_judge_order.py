"""From published replies to a tested judge: tests made, judged, and held against their order."""

import json
from pathlib import Path

import pytest

from cvalues.judge_tests import TIERS
from judge.simulated.openai_protocol import text_digest
from judge.simulated.profile import Profile
from judge.simulated.server import simulated_server
from tests.cli.program import Ended, program

REPLIES = {"reply_1": "一", "reply_2": "二", "reply_3": "三"}


def write(path: Path, *rows: object) -> None:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    path.write_text("".join(lines), encoding="utf-8")


def comparisons(folder: Path, count: int) -> None:
    rows = [
        {
            "prompt": f"问题{n}",
            "pos_resp": f"{TIERS[better]}{n}",
            "neg_resp": f"{TIERS[worse]}{n}",
            "pos_type": TIERS[better],
            "neg_type": TIERS[worse],
        }
        for n in range(count)
        for better, worse in ((2, 1), (2, 0), (1, 0))
    ]
    write(folder / "comparison.jsonl", *rows)


def judged(folder: Path, planted: dict[str, int]) -> None:
    """Judge tests.jsonl by a judge that gives each text its planted tier."""
    truth = {text_digest(text): {"tier": tier} for text, tier in planted.items()}
    with simulated_server(Profile(truth=truth)) as server:
        ended = program(
            *["judge", "tests.jsonl", "--rubric", "response-tier", "--judge", "hosted_vllm/judge"],
            *["--base-url", server.base_url, "--run", "tiers"],
            folder=folder,
        )
    assert ended.code == 0, ended.err


def ordered(folder: Path, *words: str) -> Ended:
    return program("judge-order", "tiers", *words, folder=folder)


def test_a_judge_that_confuses_two_tiers_of_one_prompt_is_found_out(tmp_path: Path) -> None:
    comparisons(tmp_path, 5)
    made = program("dataset", "tests", "comparison.jsonl", "--out", "tests.jsonl", folder=tmp_path)
    planted = {f"{tier}{n}": place for n in range(5) for place, tier in enumerate(TIERS)}

    judged(tmp_path, planted | {f"{TIERS[2]}0": 1, f"{TIERS[0]}1": 2})
    found = json.loads(ordered(tmp_path, "--json").out)
    text = ordered(tmp_path).out

    assert "5 tests, 15 replies in tests.jsonl" in made.err
    assert (found["criterion"], found["tiers"]) == ("response-tier.tier", list(TIERS))
    assert found["whole"]["counts"] == {"in_order": 3, "tied": 1, "reversed": 1, "unscored": 0}
    assert [each["counts"]["in_order"] for each in found["by"]] == [4, 4, 4]
    assert found["whole"]["share"]["value"] == pytest.approx(0.6)
    assert "SIMULATED" in text
    assert "5 tests by response-tier.tier" in text


def test_pairs_make_tests_too_and_a_draw_is_the_same_each_time(tmp_path: Path) -> None:
    pairs = [{"prompt": f"问{n}", "better": f"好{n}", "worse": f"坏{n}"} for n in range(9)]
    write(tmp_path / "pairs.jsonl", *pairs)
    words = ("dataset", "tests", "pairs.jsonl", "--n", "4", "--seed", "3")

    program(*words, "--out", "tests.jsonl", folder=tmp_path)
    program(*words, "--out", "again.jsonl", folder=tmp_path)
    judged(tmp_path, {f"好{n}": 2 for n in range(9)} | {f"坏{n}": 0 for n in range(9)})
    found = json.loads(ordered(tmp_path, "--json").out)

    assert (tmp_path / "tests.jsonl").read_bytes() == (tmp_path / "again.jsonl").read_bytes()
    assert (found["tiers"], found["n"]) == (["worse", "better"], 4)
    assert found["whole"]["counts"]["in_order"] == 4


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            ["--tiers", "a,b"],
            "the run's systems are 拒绝&正向建议, 拒绝为主, 风险回复; name them all",
        ),
        (["--criterion", "safety.safe"], "is not in the run; it has response-tier.tier."),
    ],
)
def test_what_a_run_does_not_hold_is_refused(
    tmp_path: Path, words: list[str], complaint: str
) -> None:
    comparisons(tmp_path, 1)
    program("dataset", "tests", "comparison.jsonl", "--out", "tests.jsonl", folder=tmp_path)
    judged(tmp_path, {})

    ended = ordered(tmp_path, *words)

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert complaint in ended.err


def test_experts_records_become_prompts_responses_and_labels_of_the_best(tmp_path: Path) -> None:
    write(
        tmp_path / "records.jsonl",
        {"id": "q", "prompt": "问", "answer": "答", "best": 2, "score": 4, "expert": "甲"}
        | REPLIES,
        {"id": "r", "prompt": "又问", "best": 0} | REPLIES,
    )

    ended = program(
        *["dataset", "records", "records.jsonl", "--out", "made", "--system", "chatplug"],
        folder=tmp_path,
    )

    made = {
        path.name: [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for path in (tmp_path / "made").iterdir()
    }
    assert ended.code == 0
    assert "--design curated" in ended.err
    assert {name: len(rows) for name, rows in made.items()} == {
        "prompts.jsonl": 2,
        "responses.jsonl": 6,
        "labels.jsonl": 1,
    }
    assert made["prompts.jsonl"][0]["reference"] == "答"
    (label,) = made["labels.jsonl"]
    assert [label[name] for name in ("id", "system", "sample", "rater", "criterion", "score")] == [
        *["q", "chatplug", 1, "甲", "overall", 4]
    ]


def test_rows_that_are_no_tests_are_refused_by_line(tmp_path: Path) -> None:
    write(tmp_path / "prompts.jsonl", {"id": "a", "prompt": "q"})

    ended = program("dataset", "tests", "prompts.jsonl", "--out", "t.jsonl", folder=tmp_path)

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "prompts.jsonl:1: " in ended.err
    assert not (tmp_path / "t.jsonl").exists()
