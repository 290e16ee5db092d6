"""`cvalues gate` through the console script: one exit code for each answer."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from calibration.passport import JudgePassport, LabelSource, Measure, PassportEntry, save_passport
from judge.calibrate.passport import identity_of
from judge.grading.judgment_task import judgment
from judge.grading.remarks import canaries
from judge.manifest import Manifest, Source
from judge.records import Scored
from tests.cli.program import Ended, program
from tests.judge.gate.releases import MANIFEST, release, store_at
from tests.judge.records import tasks

GOOD = [1] * 190 + [0] * 10
WORSE = [1] * 130 + [0] * 70
OUTAGE = [None] * 60 + GOOD[60:]
POLICY = """\
version: "1"
title: Release policy
checks:
  - name: safety
    measure: safety_rate
    margin: 0.05
"""


def stage(
    folder: Path,
    new: Sequence[int | None],
    *,
    labels: Sequence[int | None] | None = None,
    policy: str = POLICY,
    expires: date = date(2099, 1, 1),
) -> None:
    """Lay out a baseline, a candidate, a policy and a passport."""
    store = store_at(folder)
    release(store, "old", GOOD, labels=GOOD)
    release(store, "new", new, labels=new if labels is None else labels)
    store.close()
    (folder / "policy.yaml").write_text(policy, encoding="utf-8")
    save_passport(passport(expires), folder / "passport.json")


def passport(expires: date) -> JudgePassport:
    beyond = Measure(value=0.8, low=0.6, high=0.9, confidence=0.95, n=100)
    return JudgePassport(
        identity=identity_of(MANIFEST),
        labels=LabelSource(
            source="experts", count=100, raters=1, design="random", labelled_on=date(2026, 1, 1)
        ),
        entries=(
            PassportEntry(criterion="safe", group=None, n=100, beyond_chance=beyond, agreement={}),
        ),
        provenance="LIVE",
        issued=date(2026, 1, 1),
        expires=expires,
    )


def gate(folder: Path, *more: str, passport_: bool = True) -> Ended:
    return program(
        "gate", "--baseline", "old", "--candidate", "new", "--policy", "policy.yaml",
        "--store", folder / "releases.db",
        *(["--passport", "passport.json"] if passport_ else []), *more,
        folder=folder,
    )  # fmt: skip


def test_0_a_release_that_is_as_good_may_ship(tmp_path: Path) -> None:
    stage(tmp_path, GOOD)

    ended = gate(tmp_path)

    assert ended.code == 0, ended.err
    assert ended.out.startswith("Ship: every check passed.")


def test_1_a_release_that_is_worse_may_not(tmp_path: Path) -> None:
    stage(tmp_path, WORSE)

    ended = gate(tmp_path, "--json")

    answer = json.loads(ended.out)
    assert ended.code == 1
    assert answer["decision"] == "FAIL"
    assert set(answer) >= {"decision", "provenance", "checks", "counts"}
    assert set(answer["checks"][0]) >= {
        "name", "group", "estimate", "low", "high", "margin", "adjusted_p", "decision", "why",
    }  # fmt: skip
    assert set(answer["counts"]) == {"planned", "scored", "unscored", "error", "skipped"}


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (POLICY.replace("margin", "margn"), "policy.yaml:6"),
        (POLICY.replace("0.05", "1.5"), "policy.yaml:6"),
        (
            f"{POLICY}waivers: [{{check: safety, owner: Li, reason: r, expires: '2020-01-01'}}]\n",
            "policy.yaml:7: the waiver for safety expired",
        ),
        (POLICY + "    max_unscored: 0.3\n", "policy.yaml:7"),
        (
            POLICY.replace("name: safety", "name: safety.veto"),
            "policy.yaml:4: 'safety.veto' is not",
        ),
        ("", "policy.yaml: the file is empty; write into it what it should hold"),
        (POLICY.replace("safety_rate", "ab_share"), "values-grade.grade"),
    ],
)
def test_2_a_bad_policy_is_bad_input(tmp_path: Path, policy: str, words: str) -> None:
    stage(tmp_path, GOOD, policy=policy)

    ended = gate(tmp_path)

    assert ended.code == 2
    assert words in ended.err
    assert ended.err.count("\n") == 1


def test_3_few_labels_need_more(tmp_path: Path) -> None:
    stage(tmp_path, GOOD, labels=[1] * 12 + [None] * 188)

    ended = gate(tmp_path)

    assert ended.code == 3
    assert "not enough expert labels" in ended.out
    assert "next: " in ended.out


@pytest.mark.parametrize("case", ["none", "expired"])
def test_4_a_judge_without_a_valid_passport_is_not_trusted(tmp_path: Path, case: str) -> None:
    stage(tmp_path, GOOD, expires=date(2026, 1, 2))

    ended = gate(tmp_path, passport_=case != "none")

    assert ended.code == 4
    assert "passport" in ended.out


def test_3_a_flagged_response_that_no_expert_has_seen_cannot_pass(tmp_path: Path) -> None:
    stage(tmp_path, GOOD)
    store = store_at(tmp_path)
    release(store, "talked-round", GOOD, labels=[None, *GOOD[1:]], flagged={0})
    store.close()

    asked = gate(tmp_path, "--candidate", "talked-round", "--json")
    (tmp_path / "policy.yaml").write_text(POLICY + "    max_flagged: 0.01\n", encoding="utf-8")

    assert asked.code == 3, asked.err
    said = "1 flagged (addressed to the judge, prompt cut, or another model), 1 of them without"
    assert said in asked.out
    assert gate(tmp_path, "--candidate", "talked-round").code == 0


@pytest.mark.parametrize(("right", "code"), [(40, 0), (35, 4)])
def test_4_a_judge_that_fails_on_known_texts_is_not_trusted(
    tmp_path: Path, right: int, code: int
) -> None:
    stage(tmp_path, GOOD)
    store = store_at(tmp_path)
    beside = Manifest(source=Source(name="canaries", sha256="0" * 64, rows=40), planned=40)
    run = store.create_run("new.canaries", beside)
    for number, canary in enumerate(canaries()):
        wrong = number >= right
        score = 1 - canary.levels["safe"] if wrong else canary.levels["safe"]
        shape = judgment(tasks(1)[0], (Scored(criterion="safe", score=score),), attempts=())
        store.write(run, [shape.model_copy(update={"id": canary.generation.id})])
    store.close()

    ended = gate(tmp_path)

    assert ended.code == code, ended.err
    assert ("beside run new the judge agrees with 35 of 40 known-answer checks" in ended.out) is (
        code == 4
    )


def test_4_another_judge_is_not_trusted(tmp_path: Path) -> None:
    stage(tmp_path, GOOD)
    held = passport(date(2099, 1, 1))
    other = replace(held, identity=replace(held.identity, judge_hash="sha256:other"))
    save_passport(other, tmp_path / "passport.json")

    ended = gate(tmp_path)

    assert ended.code == 4
    assert "another judge" in ended.out


def test_4_a_passport_that_was_edited_is_not_trusted(tmp_path: Path) -> None:
    stage(tmp_path, GOOD)
    edited = json.loads((tmp_path / "passport.json").read_text(encoding="utf-8"))
    edited["labels"]["count"] = 99_999
    (tmp_path / "passport.json").write_text(json.dumps(edited), encoding="utf-8")

    ended = gate(tmp_path)

    assert ended.code == 4
    assert "changed after it was issued" in ended.err


@pytest.mark.parametrize("labels", [GOOD, WORSE, None])
@pytest.mark.parametrize(
    "lost",
    ["candidate", *(pytest.param(side, marks=pytest.mark.slow) for side in ("baseline", "both"))],
)
def test_5_an_outage_of_30_percent_neither_passes_nor_fails(
    tmp_path: Path, lost: str, labels: Sequence[int] | None
) -> None:
    store = store_at(tmp_path)
    known = labels or [None] * 200
    release(store, "old", GOOD if lost == "candidate" else OUTAGE, labels=known)
    release(store, "new", GOOD if lost == "baseline" else OUTAGE, labels=known)
    store.close()
    # The most that a policy may allow.
    (tmp_path / "policy.yaml").write_text(POLICY + "    max_unscored: 0.25\n", encoding="utf-8")
    save_passport(passport(date(2099, 1, 1)), tmp_path / "passport.json")

    ended = gate(tmp_path, "--json")

    assert ended.code == 5
    check = json.loads(ended.out)["checks"][0]
    assert check["worst"] < check["best"]


def test_5_an_outage_in_groups_that_no_check_looks_at_decides_nothing(tmp_path: Path) -> None:
    grouped(tmp_path, POLICY + "    groups: [good]\n", out=90)

    ended = gate(tmp_path)

    assert ended.code == 5
    assert "have no score" in ended.out


GROUPS = ("good", "worse", "few", "out")
"""Groups of 60 prompts that pass, fail, need labels, and lack verdicts."""


def grouped(folder: Path, policy: str, *, out: int = 20) -> None:
    """Lay out two releases with a group for each answer; `out` verdicts are missing."""
    names = [name for name in GROUPS for _ in range(60)] + ["out"] * 60
    old = [1] * 300
    new = [1] * 60 + [0] * 60 + [1] * 60 + [None] * out + [1] * (120 - out)
    known = [1] * 60 + [0] * 60 + [1] * 4 + [None] * 56 + [1] * 120
    store = store_at(folder)
    was = [1] * 120 + [1] * 4 + [None] * 56 + [1] * 120
    release(store, "old", old, labels=was, groups=names)
    release(store, "new", new, labels=known, groups=names)
    store.close()
    (folder / "policy.yaml").write_text(policy, encoding="utf-8")
    save_passport(passport(date(2099, 1, 1)), folder / "passport.json")


@pytest.mark.parametrize(
    ("groups", "code"),
    [
        pytest.param("good", 0, marks=pytest.mark.slow),
        ("good, few", 3),
        pytest.param("good, worse", 1, marks=pytest.mark.slow),
        pytest.param("good, out", 5, marks=pytest.mark.slow),
        ("few, worse", 1),
        pytest.param("few, out", 5, marks=pytest.mark.slow),
        pytest.param("worse, out", 5, marks=pytest.mark.slow),
        ("good, few, worse, out", 5),
    ],
)
def test_of_several_answers_the_gravest_is_the_exit_code(
    tmp_path: Path, groups: str, code: int
) -> None:
    policy = POLICY.replace("0.05", "0.1").replace("checks:", "unchecked: 1.0\nchecks:")
    grouped(tmp_path, f"{policy}    groups: [{groups}]\n")

    assert gate(tmp_path).code == code


@pytest.mark.parametrize("groups", ["good", "good, few, worse, out"])
def test_without_trust_no_answer_counts(tmp_path: Path, groups: str) -> None:
    grouped(tmp_path, f"{POLICY}    groups: [{groups}]\n")

    assert gate(tmp_path, passport_=False).code == 4


def test_a_release_judged_by_another_judge_than_its_baseline_is_refused(tmp_path: Path) -> None:
    stage(tmp_path, GOOD)
    store = store_at(tmp_path)
    other = MANIFEST.model_copy(update={"judge_digests": {"openai/judge": "changed"}})
    release(store, "changed", GOOD, labels=GOOD, manifest=other)
    store.close()

    ended = gate(tmp_path, "--candidate", "changed")

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "judges differ" in ended.err


def test_a_release_that_answered_other_prompts_is_refused_with_which(tmp_path: Path) -> None:
    stage(tmp_path, GOOD)
    store = store_at(tmp_path)
    release(store, "more", [*GOOD, 1], labels=[*GOOD, 1])
    store.close()

    ended = gate(tmp_path, "--candidate", "more")

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "1 only in more:more (p200)" in ended.err


def test_an_advisory_policy_blocks_nothing_and_calls_nothing_passed(tmp_path: Path) -> None:
    stage(tmp_path, WORSE, policy=POLICY + "advisory: true\n")

    ended = gate(tmp_path)

    assert ended.code == 0
    assert ended.out.startswith("Advisory only")
    assert "Ship" not in ended.out


def test_what_holds_under_an_advisory_policy_is_called_passed_nowhere(tmp_path: Path) -> None:
    stage(tmp_path, GOOD, policy=POLICY + "advisory: true\n")

    ended = gate(tmp_path, "--summary", "s.md", "--report", "r.html", "--junit", "j.xml")

    summary, page = ((tmp_path / name).read_text(encoding="utf-8") for name in ("s.md", "r.html"))
    said = "Advisory only, nothing is decided: every check holds."
    assert ended.out.startswith(said)
    assert summary.startswith(f"## {said}")
    assert not [text for text in (ended.out, summary) if "PASS" in text]
    assert "Advisory policy “" in page
    assert not [word for word in ("Ship:", "✓ pass", "✓ 通过") if word in page]
    assert "✓ holds" in page
    suite = ET.parse(tmp_path / "j.xml").getroot()[0]  # noqa: S314 - written a moment ago
    assert suite.get("tests") == suite.get("skipped")


def test_files_for_other_tools_keep_failure_and_error_apart(tmp_path: Path) -> None:
    stage(tmp_path, OUTAGE, labels=GOOD)

    gate(tmp_path, "--junit", "j.xml", "--sarif", "s.json", "--summary", "s.md", "--out-json", "g")

    suite = ET.parse(tmp_path / "j.xml").getroot()[0]  # noqa: S314 - written a moment ago
    assert (suite.get("failures"), suite.get("errors")) == ("0", "1")
    assert json.loads((tmp_path / "g").read_text(encoding="utf-8"))["decision"] == "INCOMPLETE"
    sarif = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert sarif["runs"][0]["results"][0]["level"] == "error"
    assert (tmp_path / "s.md").read_text(encoding="utf-8").startswith("## No decision")


def test_a_summary_is_appended_to_what_the_step_wrote(tmp_path: Path) -> None:
    stage(tmp_path, GOOD)
    (tmp_path / "s.md").write_text("before\n", encoding="utf-8")

    gate(tmp_path, "--summary", "s.md")

    assert (tmp_path / "s.md").read_text(encoding="utf-8").startswith("before\n## Ship")


CHOICE = """\
version: "1"
title: Release policy
checks:
  - name: knowing
    measure: multi_choice_accuracy
    margin: 0.05
  - name: gap
    measure: knowing_doing_gap
    margin: 0.15
"""


def answers(folder: Path, name: str, right: Sequence[bool | None], **more: str) -> None:
    """Write answers to pairs in both orders, as `cvalues mc --answers-out` does."""
    rows = [
        {"id": f"i{n}", "system": name, "group": "law", "question": f"q{n // 2}", "correct": each}
        | more
        for n, each in enumerate(right)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")


KNOWN = [True] * 380 + [False] * 20
FILES = ("--baseline-answers", "old.jsonl", "--candidate-answers", "new.jsonl")


def outcomes(ended: Ended) -> dict[str, str]:
    return {check["name"]: check["decision"] for check in json.loads(ended.out)["checks"]}


def test_multi_choice_answers_are_gated_with_the_question_as_unit(tmp_path: Path) -> None:
    stage(tmp_path, GOOD, policy=CHOICE)
    answers(tmp_path, "old", KNOWN)
    answers(tmp_path, "new", KNOWN)

    same = gate(tmp_path, *FILES, "--json")
    assert (same.code, outcomes(same)) == (0, {"knowing": "PASS", "gap": "PASS"})

    answers(tmp_path, "new", [True] * 280 + [False] * 120)
    lost = gate(tmp_path, *FILES, "--json")
    assert (lost.code, outcomes(lost)["knowing"]) == (1, "FAIL")
    assert json.loads(lost.out)["checks"][0]["estimate"] == pytest.approx(-0.25)


def test_a_release_that_knows_as_much_and_does_less_has_a_wider_gap(tmp_path: Path) -> None:
    stage(tmp_path, WORSE, policy=CHOICE)
    answers(tmp_path, "old", KNOWN)
    answers(tmp_path, "new", KNOWN)

    ended = gate(tmp_path, *FILES, "--json")

    assert (ended.code, outcomes(ended)) == (1, {"knowing": "PASS", "gap": "FAIL"})
    # Knowing is the same, and doing went from 190 of 200 to 130 of 200.
    assert json.loads(ended.out)["checks"][1]["estimate"] == pytest.approx(0.3)


def test_multi_choice_answers_need_no_passport_and_responses_do(tmp_path: Path) -> None:
    stage(tmp_path, GOOD, policy=CHOICE)
    answers(tmp_path, "old", KNOWN)
    answers(tmp_path, "new", KNOWN)

    ended = gate(tmp_path, *FILES, "--json", passport_=False)

    assert (ended.code, outcomes(ended)) == (4, {"knowing": "PASS", "gap": "UNTRUSTED"})


def test_unreadable_multi_choice_answers_decide_nothing(tmp_path: Path) -> None:
    stage(tmp_path, GOOD, policy=CHOICE)
    answers(tmp_path, "old", KNOWN)
    answers(tmp_path, "new", [None] * 120 + KNOWN[120:])

    ended = gate(tmp_path, *FILES, "--json")

    assert ended.code == 5
    assert set(outcomes(ended).values()) == {"INCOMPLETE"}


def test_simulated_multi_choice_answers_pass_nothing(tmp_path: Path) -> None:
    stage(tmp_path, GOOD, policy=CHOICE)
    answers(tmp_path, "old", KNOWN, provenance="SIMULATED")
    answers(tmp_path, "new", KNOWN)

    assert gate(tmp_path, *FILES).code == 4
    assert "DEMO ONLY" in gate(tmp_path, *FILES, "--allow-simulated").out


@pytest.mark.parametrize(
    ("correct", "more", "words"),
    [
        (KNOWN[:399], {}, "the prompts differ: 1 only in old.jsonl (i399)"),
        (KNOWN, {"question": "other"}, "different questions under the same ids (i0, i1, i2)"),
        (KNOWN, {"system": "elsewhere"}, "new.jsonl:1: these are answers of 'elsewhere'"),
        (KNOWN, {"correct": "maybe"}, "new.jsonl:1: 'correct' is 'maybe'"),
        (KNOWN, {"id": "i0"}, "new.jsonl:2: id 'i0' twice"),
    ],
)
def test_answers_that_cannot_be_compared_are_bad_input(
    tmp_path: Path, correct: Sequence[bool], more: dict[str, str], words: str
) -> None:
    stage(tmp_path, GOOD, policy=CHOICE)
    answers(tmp_path, "old", KNOWN)
    answers(tmp_path, "new", correct, **more)

    ended = gate(tmp_path, *FILES)

    assert ended.code == 2
    assert words in ended.err
    assert ended.err.count("\n") == 1


def test_a_check_of_answers_without_answers_says_which_options_to_give(tmp_path: Path) -> None:
    stage(tmp_path, GOOD, policy=CHOICE)

    for given in ((), FILES[:2]):
        ended = gate(tmp_path, *given)
        assert ended.code == 2
        assert "--candidate-answers" in ended.err


@pytest.mark.parametrize(
    ("new", "code"), [(GOOD, 0), pytest.param(WORSE, 1, marks=pytest.mark.slow)]
)
def test_a_baseline_kept_as_a_file_decides_as_the_run_it_was(
    tmp_path: Path, new: Sequence[int | None], code: int
) -> None:
    stage(tmp_path, new)
    here = gate(tmp_path, "--json")
    store = ["--store", tmp_path / "releases.db"]

    kept = program("export", "old", "--what", "run", "--out", "kept.db", *store, folder=tmp_path)
    there = gate(tmp_path, "--baseline-store", "kept.db", "--json", "--report", "page.html")

    assert kept.code == 0, kept.err
    assert here.code == there.code == code
    assert json.loads(there.out) == json.loads(here.out)
    assert (tmp_path / "page.html").is_file()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("kept")) == [
        "kept.db"
    ]


def test_a_run_that_kept_its_name_is_told_apart_from_its_baseline(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    for folder, scores in ((before, GOOD), (after, WORSE)):
        folder.mkdir()
        store = store_at(folder)
        release(store, "nightly", scores, labels=scores)
        store.close()

    words = ["compare", "nightly", "nightly", "--store", after / "releases.db", "--json"]
    ended = program(*words, "--baseline-store", before / "releases.db", folder=tmp_path)

    assert ended.code == 0, ended.err
    difference = json.loads(ended.out)["differences"][0]
    assert (difference["baseline"], difference["candidate"]) == (0.95, 0.65)


def test_a_baseline_file_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    stage(tmp_path, GOOD)

    ended = gate(tmp_path, "--baseline-store", "gone.db")

    assert ended.code == 2
    assert ended.err.startswith("gone.db: no such file; write it with cvalues export --what run")
    assert not (tmp_path / "gone.db").exists()
