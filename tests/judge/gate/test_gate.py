"""The gate passes what is shown to be good enough, fails what is shown to be worse, else asks."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from calibration.bias import holm
from judge.errors import ConfigError
from judge.gate.checks import GateReport
from judge.gate.decision import decide
from judge.gate.paired import by_group, flips, pair
from judge.policy import MEASURES, Check, Policy, Veto, Waiver, load_policy
from judge.records import Counts
from judge.sides import Side, find_side
from rubrics import RubricError
from tests.judge.gate.releases import MANIFEST, release, store_at

SAFETY = MEASURES["safety_rate"]
GOOD = [1] * 190 + [0] * 10
LABELS = [1] * 190 + [0] * 10


def policy(**more: object) -> Policy:
    check = Check(name="safety", measure="safety_rate", margin=0.05)
    return Policy.model_validate(
        {"version": "1", "title": "test", "checks": (check.model_copy(update=more),)}
    )


def decided(old: Side, new: Side, asked: Policy) -> GateReport:
    return decide(old, new, asked, counts=Counts())


def test_a_release_that_is_as_good_passes(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    old = release(store, "old", GOOD, labels=LABELS)
    new = release(store, "new", GOOD, labels=LABELS)

    report = decided(old, new, policy())

    assert report.decision == "PASS"
    assert report.checks[0].low is not None
    assert report.checks[0].low > -0.05


def test_a_release_that_is_plainly_worse_fails(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    worse = [1] * 130 + [0] * 70
    old = release(store, "old", GOOD, labels=LABELS)
    new = release(store, "new", worse, labels=worse)

    report = decided(old, new, policy())

    assert report.decision == "FAIL"
    assert report.checks[0].adjusted_p is not None
    assert report.checks[0].adjusted_p < 0.05


def test_few_labels_ask_for_more_and_say_about_how_many(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    few = [1] * 20 + [None] * 180
    old = release(store, "old", GOOD, labels=few)
    new = release(store, "new", GOOD, labels=few)

    report = decided(old, new, policy())

    assert report.decision == "NEED_LABELS"
    assert report.checks[0].labels_needed is not None
    assert report.checks[0].labels_needed > 20


def test_the_labels_asked_for_settle_the_floor_as_well_as_the_margin(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    few = [1] * 20 + [None] * 180
    old = release(store, "old", GOOD, labels=few)
    new = release(store, "new", GOOD, labels=few)

    margin, both, beyond = (
        decided(old, new, policy(floor=floor)).checks[0].labels_needed
        for floor in (None, 0.93, 0.99)
    )

    assert margin is not None
    assert both is not None
    assert both > margin
    # The estimate is 97.5 % safe, which no number of labels makes 99 %.
    assert beyond is None


def test_a_check_may_have_a_chinese_name() -> None:
    assert Check(name="安全-1", measure="safety_rate", margin=0.05).name == "安全-1"


def test_no_labels_at_all_never_pass(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    old, new = release(store, "old", GOOD), release(store, "new", GOOD)

    assert decided(old, new, policy()).decision == "NEED_LABELS"


def test_an_outage_is_incomplete_and_neither_pass_nor_fail(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    outage = [None] * 60 + GOOD[60:]
    old = release(store, "old", GOOD, labels=LABELS)
    new = release(store, "new", outage, labels=LABELS)

    report = decided(old, new, policy())

    assert report.decision == "INCOMPLETE"
    # Of the candidate; the baseline's whole half does not hide it.
    assert "30.0%" in report.checks[0].why
    # The judge found 140 of 140 seen safe but 10: (130 + 0 .. 60) / 200 against 190 / 200.
    assert (report.checks[0].worst, report.checks[0].best) == pytest.approx((-0.3, 0.0))


def test_a_judge_that_is_not_trusted_decides_nothing(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    old = release(store, "old", GOOD, labels=LABELS)
    new = release(store, "new", GOOD, labels=LABELS)

    report = decide(old, new, policy(), counts=Counts(), distrust=("the passport expired",))

    assert report.decision == "UNTRUSTED"
    assert report.checks[0].why == "the passport expired"


def test_a_flagged_response_passes_only_once_an_expert_has_seen_it(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    labels = [*LABELS[:5], None, *LABELS[6:]]
    old = release(store, "old", GOOD, labels=LABELS)
    unseen = release(store, "unseen", GOOD, labels=labels, flagged={5})
    seen = release(store, "seen", GOOD, labels=labels, flagged={6})

    asked = decided(old, unseen, policy())
    assert (asked.decision, asked.checks[0].labels_needed) == ("NEED_LABELS", 1)
    said = "1 flagged (addressed to the judge, prompt cut, or another model), 1 of them without"
    assert said in asked.checks[0].why
    assert decided(old, seen, policy()).decision == "PASS"
    assert "0 of them without a label" in decided(old, seen, policy()).checks[0].why
    assert decided(old, unseen, policy(max_flagged=0.01)).decision == "PASS"


def test_a_flag_never_turns_a_failure_into_a_question(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    worse = [1] * 130 + [0] * 70
    old = release(store, "old", GOOD, labels=LABELS)
    new = release(store, "new", worse, labels=[*worse[:199], None], flagged={199})

    assert decided(old, new, policy()).decision == "FAIL"


def test_a_floor_that_is_not_reached_fails(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    old = release(store, "old", GOOD, labels=LABELS)
    new = release(store, "new", GOOD, labels=LABELS)

    assert decided(old, new, policy(floor=0.999)).decision == "FAIL"
    assert decided(old, new, policy(floor=0.85)).decision == "PASS"


def test_each_group_must_pass(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    groups = ["law"] * 100 + ["crimes"] * 100
    worse = [1] * 60 + [0] * 40 + [1] * 100
    old = release(store, "old", [1] * 200, labels=[1] * 200, groups=groups)
    new = release(store, "new", worse, labels=worse, groups=groups)

    report = decided(old, new, policy(groups="each"))

    by_name = {check.group: check.decision for check in report.checks}
    assert by_name == {"crimes": "PASS", "law": "FAIL"}
    assert report.decision == "FAIL"


def test_a_confirmed_event_fails_and_an_unconfirmed_one_asks(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    veto = Veto(criterion="severity", level=3, at_most=0.05)
    old = release(store, "old", GOOD, labels=LABELS)
    seen = [0] * 100 + [None] * 100
    clean = release(store, "clean", GOOD, labels=LABELS, severity_labels=seen)
    severe = release(
        store, "severe", GOOD, labels=LABELS, severity=[0] * 199 + [3], severity_labels=seen
    )

    assert decided(old, clean, policy(veto=veto)).decision == "PASS"
    asked = decided(old, severe, policy(veto=veto))
    assert (asked.decision, asked.checks[-1].labels_needed) == ("NEED_LABELS", 1)
    strict = Veto(criterion="severity", level=3, at_most=0.001)
    assert decided(old, clean, policy(veto=strict)).decision == "NEED_LABELS"


def test_a_waiver_takes_a_failure_out_and_says_whose_word_it_is(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    worse = [1] * 130 + [0] * 70
    old = release(store, "old", GOOD, labels=LABELS)
    new = release(store, "new", worse, labels=worse)
    waiver = Waiver(
        check="safety", owner="Li", reason="known, fixed next week", expires="2099-01-01"
    )

    report = decided(old, new, policy().model_copy(update={"waivers": (waiver,)}))

    assert report.decision == "PASS"
    assert report.checks[0].waived
    assert "Li" in report.checks[0].why


@pytest.mark.parametrize("runs", [8, pytest.param(40, marks=pytest.mark.slow)])
def test_identical_runs_are_never_a_regression(tmp_path: Path, runs: int) -> None:
    store = store_at(tmp_path)
    dice = np.random.default_rng(7)
    for number in range(runs):
        judged = [int(x) for x in dice.random(60) < 0.9]
        labels = [int(x) if dice.random() < 0.5 else None for x in judged]
        old = release(store, f"old{number}", judged, labels=labels)
        new = release(store, f"new{number}", judged, labels=labels)

        assert decided(old, new, policy()).decision != "FAIL"


def test_runs_of_different_judges_are_refused_with_what_differs(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    other = MANIFEST.model_copy(update={"judge_digests": {"openai/judge": "changed"}})
    old = release(store, "old", GOOD)
    new = release(store, "new", GOOD, manifest=other)

    with pytest.raises(ConfigError, match="judges differ"):
        decided(old, new, policy())


def test_a_criterion_that_was_not_judged_is_refused(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    old, new = release(store, "old", GOOD), release(store, "new", GOOD)

    with pytest.raises(ConfigError, match=r"responsibility\.overall"):
        decided(old, new, policy(measure="responsibility_mean"))


def test_flips_name_the_items_that_changed_harmful_ones_first(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    old = release(store, "old", [1, 1, 0, 0, None])
    new = release(store, "new", [1, 0, 1, 0, 1])

    changed = flips(pair(old, new, SAFETY), SAFETY)

    assert [(flip.id, flip.better) for flip in changed] == [("p1", False), ("p2", True)]


def test_a_difference_without_labels_is_marked_as_the_judges_own(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    old, new = release(store, "old", GOOD), release(store, "new", GOOD)

    whole = by_group(pair(old, new, SAFETY), SAFETY)[0]

    assert whole.basis == "judge only"
    assert "0 labels" in whole.why


def test_the_p_values_of_groups_are_adjusted_for_exploring(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    groups = ["law"] * 100 + ["crimes"] * 100 + ["theft"] * 100
    lost, same = [1] * 90 + [0] * 10, [1] * 95 + [0] * 5
    before, after = [1] * 100 + same * 2, lost + same * 2
    old = release(store, "old", before, labels=before, groups=groups)
    new = release(store, "new", after, labels=after, groups=groups)

    whole, crimes, law, theft = by_group(pair(old, new, SAFETY), SAFETY)

    # Benjamini and Hochberg: the smallest of three p-values is tripled, the largest stays.
    assert law.p is not None
    assert 0.0001 < law.p < 0.01
    assert law.adjusted_p == pytest.approx(3 * law.p)
    assert (crimes.adjusted_p, theft.adjusted_p, whole.adjusted_p) == (1.0, 1.0, None)


def test_samples_of_a_prompt_are_no_evidence_of_their_own(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    old, new = release(store, "old", GOOD), release(store, "new", [1, 0] * 100)
    alone = pair(old, new, SAFETY)
    copied = replace(alone, clusters=np.repeat(np.arange(20), 10))

    apart, together = (by_group(each, SAFETY)[0].estimate for each in (alone, copied))

    assert apart is not None
    assert together is not None
    assert together.high - together.low > apart.high - apart.low


def test_the_same_id_for_other_texts_is_refused(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    old = release(store, "old", GOOD)
    new = release(store, "new", GOOD, prompt="another question")

    with pytest.raises(
        ConfigError, match=r"different texts under the same ids \(p0, p1, p2 \.\.\.\)"
    ):
        pair(old, new, SAFETY)


def test_a_side_is_found_by_run_or_by_run_and_system(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    release(store, "old", GOOD)

    assert find_side(store, "old").system == "old"
    assert find_side(store, "old:old").name == "old:old"
    with pytest.raises(ConfigError, match="no run"):
        find_side(store, "older")
    with pytest.raises(ConfigError, match="systems"):
        find_side(store, "old:new")


def test_holm_keeps_the_order_and_never_lowers() -> None:
    # Holm (1979); the values are those of R's p.adjust(c(.01, .04, .03), "holm").
    assert holm([0.01, 0.04, 0.03]) == [0.03, 0.06, 0.06]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("chekcs: []", 3, "did you mean 'checks'"),
        ("checks:\n  - {name: a, measure: safety_rate}", 4, "asks for nothing"),
        ("checks:\n  - {name: a, measure: safety_rate, margin: 1.5}", 4, "as wide as the scale"),
        ("checks:\n  - {name: a, measure: safety_rate, floor: 3.0}", 4, "off the scale"),
        ("checks:\n  - {name: a, measure: mean, margin: 0.5}", 4, "needs rubric"),
    ],
)
def test_a_bad_policy_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(f'version: "1"\ntitle: test\n{text}\n', encoding="utf-8")

    with pytest.raises(RubricError, match=words) as caught:
        load_policy(path, today=date(2026, 1, 1))
    assert f"policy.yaml:{line}" in str(caught.value)


def test_an_expired_waiver_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(
        'version: "1"\ntitle: t\nchecks:\n  - {name: a, measure: safety_rate, margin: 0.05}\n'
        "waivers:\n  - check: a\n    owner: Li\n    reason: r\n    expires: '2025-12-31'\n",
        encoding="utf-8",
    )

    assert load_policy(path, today=date(2025, 12, 31)).waivers[0].owner == "Li"
    with pytest.raises(RubricError, match=r"policy\.yaml:9: .* expired"):
        load_policy(path, today=date(2026, 1, 1))


def test_a_cut_prompt_or_another_model_needs_an_experts_label(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    labels = [*LABELS[:5], None, *LABELS[6:]]
    old = release(store, "old", GOOD, labels=LABELS)
    cut = release(store, "cut", GOOD, labels=labels, remarks={5: "prompt_cut"})
    served = ["small" if number == 5 else "large" for number in range(len(GOOD))]
    other = release(store, "other", GOOD, labels=labels, served=served)

    for new in (cut, other):
        report = decided(old, new, policy())
        assert (report.decision, report.checks[0].labels_needed) == ("NEED_LABELS", 1)
