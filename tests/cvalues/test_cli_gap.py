"""`cvalues gap` as a user meets it: what was chosen, what was judged, and what labels correct."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from cvalues.multiple_choice.items import ReplyPair, build_items
from judge.simulated.openai_protocol import text_digest
from judge.simulated.profile import Profile
from judge.simulated.server import simulated_server
from tests.cli.program import program

GROUPS = ("crimes", "law")
EACH = 40


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Judge a system that is safe in law and not in crimes, and knows what is right in both."""
    tmp_path = tmp_path_factory.mktemp("gap")
    responses = [
        {"id": f"{group}{n}", "prompt": "q", "response": f"{group} {n}", "group": group}
        | {"system": "m=1"}
        for group in GROUPS
        for n in range(EACH)
    ]
    write(tmp_path / "responses.jsonl", responses)
    truth = {text_digest(str(r["response"])): {"safe": int(r["group"] == "law")} for r in responses}
    with simulated_server(Profile(truth=truth)) as server:
        judged = program(
            *["judge", "responses.jsonl", "--rubric", "safety", "--judge", "hosted_vllm/j"],
            *["--base-url", server.base_url, "--run", "r"],
            folder=tmp_path,
        )
    assert judged.code == 0, judged.err
    pairs = (
        ReplyPair(
            question=f"{group}{n}?", pos_resp=f"good {n}", neg_resp=f"bad {n}", domain_en=group
        )
        for group in GROUPS
        for n in range(EACH)
    )
    write(tmp_path / "mc.jsonl", [i.record() | {"response": i.label} for i in build_items(pairs)])
    program("mc", "mc.jsonl", "--responses", "mc.jsonl", "--out-json", "mc.json", folder=tmp_path)
    return tmp_path


def test_a_system_that_understands_without_being_able_to_act_is_named_by_group(
    folder: Path,
) -> None:
    ended = program("gap", "r", "--mc", "m=1=mc.json", "--json", folder=folder)

    found = json.loads(ended.out)
    assert ended.code == 0, ended.err
    assert {row["group"]: (row["knows"], row["does"]) for row in found["groups"]} == {
        None: (1.0, 0.5),
        "crimes": (1.0, 0.0),
        "law": (1.0, 1.0),
    }
    assert {row["group"]: row["signature"] for row in found["groups"]} == {
        None: "recognition high, behaviour low",
        "crimes": "recognition high, behaviour low",
        "law": "recognition and behaviour high",
    }
    assert (found["doing"], found["provenance"]) == ("judge only", "SIMULATED")
    assert found["rho"] is None


def test_the_page_and_the_table_show_the_same(folder: Path) -> None:
    ended = program("gap", "r", "--mc", "m=1=mc.json", "--report", "page.html", folder=folder)

    assert ended.code == 0
    assert "are too few to say" in ended.out
    assert "uncorrected judge score" in ended.out
    assert "recognition high," in ended.out
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert "m=1: 1 of 2 groups with recognition high, behaviour low." in page


def test_the_page_shows_what_was_published_beside_a_new_run(folder: Path) -> None:
    words = ("gap", "r", "--mc", "m=1=mc.json", "--report", "beside.html", "--published")

    ended = program(*words, folder=folder)

    page = (folder / "beside.html").read_text(encoding="utf-8")
    number = "ChatGPT, multi-choice, responsibility, Acc 92.8% (n = 1712, medium confidence)"
    assert ended.code == 0, ended.err
    assert number in ended.out
    assert number in page
    assert "citing table 4 of arXiv 2307.09705" in page
    assert "责任类选择题 Acc 92.8%（n = 1712，可信度中）" in page


def test_a_narrow_terminal_loses_no_column(folder: Path) -> None:
    ended = program("gap", "r", "--mc", "m=1=mc.json", folder=folder, environ={"COLUMNS": "40"})

    lines = ended.out.splitlines()
    crimes = lines.index("crimes")
    shown = " ".join(line.strip() for line in lines[crimes + 1 : crimes + 4])
    assert shown.startswith("recognition 100.0; behaviour 0.0; gap +100.0; interval ")
    assert "pattern recognition high, behaviour" in shown
    assert all(len(line) <= 40 for line in lines[crimes : crimes + 4])


def test_labels_correct_what_is_done(folder: Path) -> None:
    # experts find 10 of the 40 crimes safe after all
    labels = [
        {"id": f"{group}{n}", "system": "m=1", "rater": "a", "criterion": "safe"}
        | {"score": int(group == "law" or n < 10), "group": group}
        for group in GROUPS
        for n in range(EACH)
    ]
    write(folder / "labels.jsonl", labels)
    calibrated = program(
        *["calibrate", "--run", "r", "--labels", "labels.jsonl", "--design", "random"],
        *["--by", "group", "--out-json", "cal.json"],
        folder=folder,
    )

    ended = program(
        "gap", "r", "--mc", "m=1=mc.json", "--calibration", "cal.json", "--json", folder=folder
    )

    found = json.loads(ended.out)
    (crimes,) = (row for row in found["groups"] if row["group"] == "crimes")
    assert calibrated.code == 0, calibrated.err
    assert found["doing"] == "corrected"
    assert crimes["does"] == pytest.approx(0.25, abs=0.01)
    assert crimes["does_ci"][0] < 0.25 < crimes["does_ci"][1]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--mc", "mc.json"], "--mc 'mc.json' is not SYSTEM=FILE"),
        (["--mc", "m=1=nowhere.json"], "nowhere.json: cannot be read: No such file"),
        (["--mc", "m=1=mc.jsonl"], "mc.jsonl: not what cvalues mc --out-json writes"),
        (["--mc", "m=1=odd.json"], "odd.json: not what cvalues mc --out-json writes"),
        (["--mc", "stranger=mc.json"], "no verdict of safe on system 'stranger' in r"),
        (["--mc", "m=1=mc.json", "--measure", "ab_share"], "no verdict of grade on system 'm=1'"),
        (["--mc", "m=1=mc.json", "--calibration", "mc.json"], "not what cvalues calibrate"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(folder: Path, words: list[str], complaint: str) -> None:
    odd = json.loads((folder / "mc.json").read_text(encoding="utf-8")) | {"acc": 7.0}
    (folder / "odd.json").write_text(json.dumps(odd), encoding="utf-8")

    ended = program("gap", "r", *words, "--report", "bad.html", folder=folder)

    assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
    assert complaint in ended.err
    assert not (folder / "bad.html").exists()
