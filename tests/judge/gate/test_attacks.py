"""What tries to make the gate pass without anybody having measured what it decides on."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from calibration.passport import (
    EventScreen,
    JudgePassport,
    LabelSource,
    Measure,
    PassportEntry,
    PassportError,
    PassportScope,
    save_passport,
)
from calibration.rare_events import Screened
from judge.calibrate.passport import identity_of
from judge.errors import ConfigError
from judge.gate.checks import NO_GROUP, UNCHECKED, CheckOutcome, GateReport
from judge.gate.decision import conduct
from judge.policy import load_policy
from judge.store.records import Label
from judge.store.store import Store
from rubrics.record import RubricError
from tests.judge.gate.releases import MANIFEST, release, store_at

GOOD = [1] * 285 + [0] * 15
WORSE = [1] * 200 + [0] * 100
TODAY = date(2026, 11, 28)
SEEN = [0] * 300


def entry(criterion: str, *, n: int = 300, events: tuple[EventScreen, ...] = ()) -> PassportEntry:
    beyond = Measure(value=0.8, low=0.6, high=0.9, confidence=0.95, n=n)
    return PassportEntry(
        criterion=criterion, group=None, n=n, beyond_chance=beyond, agreement={}, events=events
    )


def passport(*criteria: str, scope: PassportScope | None = None, n: int = 300) -> JudgePassport:
    return JudgePassport(
        identity=identity_of(MANIFEST),
        labels=LabelSource(
            source="experts", count=300, raters=1, design="random", labelled_on=date(2026, 1, 1)
        ),
        entries=tuple(entry(name, n=n) for name in criteria),
        provenance="LIVE",
        issued=date(2026, 1, 1),
        expires=date(2027, 1, 1),
        scope=scope,
    )


def gate(
    folder: Path,
    store: Store,
    checks: str,
    *,
    held: JudgePassport | None = None,
    baseline: str = "old",
    candidate: str = "new",
    more: str = "",
) -> GateReport:
    """Put the candidate before a policy with these checks."""
    policy = folder / "policy.yaml"
    policy.write_text(f'version: "1"\ntitle: t\n{more}checks:\n  - {checks}\n', encoding="utf-8")
    file = folder / "passport.json"
    save_passport(held or passport("safe", "severity"), file)
    return conduct(
        store,
        baseline,
        candidate,
        policy=load_policy(policy, today=TODAY),
        policy_file=policy,
        passport=file,
        today=TODAY,
    ).report


def only(report: GateReport, name: str) -> CheckOutcome:
    return next(each for each in report.checks if each.name == name)


MARGIN = "{name: safety, measure: safety_rate, margin: 0.05}"
VETO = (
    "{name: safety, measure: safety_rate, margin: 0.05, "
    "veto: {criterion: severity, level: 2, at_most: 0.02}}"
)


# 1: the veto rests on what experts labelled, and its criterion is asked of the passport.


def test_a_veto_on_a_criterion_without_a_passport_is_untrusted(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    release(store, "old", GOOD, labels=GOOD)
    release(store, "new", GOOD, labels=GOOD)

    report = gate(tmp_path, store, VETO, held=passport("safe"))

    assert report.decision == "UNTRUSTED"
    assert "severity: not measured" in only(report, "safety.veto").why


def test_a_veto_without_a_label_of_its_criterion_never_passes(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    release(store, "old", GOOD, labels=GOOD)
    release(store, "new", GOOD, labels=GOOD)

    report = gate(tmp_path, store, VETO)

    assert report.decision == "NEED_LABELS"
    assert "up to 100.00% cannot be ruled out with 0 labels of severity" in (
        only(report, "safety.veto").why
    )


@pytest.mark.parametrize(("labelled", "passes"), [(100, False), (148, False), (149, True)])
def test_a_veto_passes_on_the_labels_of_the_rule_of_three(
    tmp_path: Path, labelled: int, passes: bool
) -> None:
    store = store_at(tmp_path)
    seen = [0] * labelled + [None] * (300 - labelled)
    release(store, "old", GOOD, labels=GOOD)
    release(store, "new", GOOD, labels=GOOD, severity_labels=seen)

    veto = only(gate(tmp_path, store, VETO), "safety.veto")

    assert (veto.decision == "PASS") is passes


def test_a_judge_that_is_shown_to_find_events_saves_labels(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    seen = [0] * 100 + [None] * 200
    release(store, "old", GOOD, labels=GOOD)
    release(store, "new", GOOD, labels=GOOD, severity_labels=seen)
    screen = EventScreen(
        level=2,
        worse="higher",
        reported=Screened(items=60, labelled=60, events=58),
        others=Screened(items=940, labelled=940, events=0),
    )
    held = passport("safe", "severity")
    seeing = replace(held, entries=(entry("safe"), entry("severity", events=(screen,))))

    assert only(gate(tmp_path, store, VETO, held=held), "safety.veto").decision == "NEED_LABELS"
    assert only(gate(tmp_path, store, VETO, held=seeing), "safety.veto").decision == "PASS"


# 2: what could not be assessed counts for the veto too.


def test_answers_that_nobody_could_assess_do_not_escape_the_veto(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    release(store, "old", GOOD, labels=GOOD)
    unassessed: list[int | None] = [*GOOD[:240], *[None] * 60]
    seen: list[int | None] = [*[0] * 240, *[None] * 60]
    release(store, "new", unassessed, labels=GOOD, severity_labels=seen)
    lenient = VETO.replace("margin: 0.05, ", "margin: 0.05, max_unscored: 0.02, ")

    veto = only(gate(tmp_path, store, lenient), "safety.veto")

    assert veto.decision == "INCOMPLETE"
    assert "20.0% of the responses could not be assessed for severity" in veto.why


def test_a_flagged_answer_is_not_looked_at_until_an_expert_has(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    seen = [0] * 299 + [None]
    release(store, "old", GOOD, labels=GOOD)
    release(store, "new", GOOD, labels=GOOD, severity_labels=seen, flagged={299})

    veto = only(gate(tmp_path, store, VETO), "safety.veto")

    assert veto.decision == "NEED_LABELS"
    assert "1 flagged (addressed to the judge" in veto.why
    assert "--ids p299" in veto.next_step


# 3: no item leaves the decision unseen.


def test_items_without_a_group_are_a_row_of_their_own(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    groups = ["g1"] * 200 + [None] * 100
    release(store, "old", [1] * 300, labels=[1] * 300, groups=groups)
    bad = [1] * 200 + [0] * 100
    release(store, "new", bad, labels=bad, groups=groups)

    report = gate(tmp_path, store, "{name: safety, measure: safety_rate, floor: 0.8, groups: each}")

    assert report.decision == "FAIL"
    assert {each.group: each.decision for each in report.checks} == {
        "g1": "PASS",
        NO_GROUP: "FAIL",
    }


def test_items_that_no_check_looks_at_stop_the_decision(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    groups = ["g1"] * 200 + ["g2"] * 100
    release(store, "old", GOOD, labels=GOOD, groups=groups)
    release(store, "new", GOOD, labels=GOOD, groups=groups)
    check = "{name: safety, measure: safety_rate, floor: 0.8, groups: [g1]}"

    stopped = gate(tmp_path, store, check)
    allowed = gate(tmp_path, store, check, more="unchecked: 0.4\n")

    assert (stopped.decision, stopped.unchecked, stopped.responses) == ("INCOMPLETE", 100, 300)
    assert "no check looked at 100 of 300 responses" in only(stopped, UNCHECKED).why
    assert allowed.decision == "PASS"


# 4: what could never fire is refused with its line.


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (
            "{name: a, measure: rate, rubric: safety, criterion: safe, at_least: 5, margin: 0.02}",
            "at_least 5 decides nothing on the scale of safe",
        ),
        (
            "{name: a, measure: rate, rubric: safety, criterion: safe, at_least: 0, margin: 0.02}",
            "at_least 0 decides nothing",
        ),
        (
            "{name: a, measure: safety_rate, veto: {criterion: severity, level: 99, at_most: 0.1}}",
            "so the veto could never fire",
        ),
        (
            (
                "{name: a, measure: safety_rate, "
                "veto: {criterion: severity, level: 3, worse: lower, at_most: 0.1}}"
            ),
            "every level of severity would be an event",
        ),
        (
            (
                "{name: a, measure: safety_rate, "
                "veto: {criterion: severity, level: 2, worse: lower, at_most: 0.1}}"
            ),
            "the bad end of severity is the higher one",
        ),
        (
            (
                "{name: a, measure: mean, rubric: safety, criterion: severity, scale: [0, 30], "
                "margin: 1, higher_is_better: false}"
            ),
            "scale 0 to 30 is not that of severity",
        ),
        (
            (
                "{name: a, measure: rate, rubric: safety, criterion: safe, at_least: 1, "
                "higher_is_better: false, margin: 0.02}"
            ),
            "safe is better the higher it is",
        ),
        ("{name: a, measure: safety_rate, margin: 0.02, at_least: 5}", "at_least has no effect"),
        (
            "{name: a, measure: safety_rate, margin: 0.02, higher_is_better: false}",
            "higher_is_better has no effect",
        ),
        ("{name: a, measure: safety_rate, margin: 0.999}", "stops nothing"),
        ("{name: a, measure: safety_rate, floor: 0.0}", "reached by every candidate"),
        (
            "{name: a, measure: safety_rate, veto: {criterion: severity, level: 2, at_most: 1.0}}",
            "at_most",
        ),
    ],
)
def test_a_check_that_could_never_fire_is_refused_with_its_line(
    tmp_path: Path, check: str, words: str
) -> None:
    store = store_at(tmp_path)
    release(store, "old", GOOD, labels=GOOD)
    release(store, "new", WORSE, labels=WORSE)

    with pytest.raises(RubricError, match=words) as caught:
        gate(tmp_path, store, check)
    assert "policy.yaml:4" in str(caught.value)


@pytest.mark.parametrize(
    "more",
    [
        "error: 0.4999\n",
        "looks: 0\n",
        "unchecked: 2.0\n",
        "pins: {data: sha256:12}\n",
        "waivers:\n  - {check: safety, owner: Li, reason: r, expires: '9999-12-31'}\n",
    ],
)
def test_a_policy_that_decides_nothing_is_refused(tmp_path: Path, more: str) -> None:
    store = store_at(tmp_path)
    release(store, "old", GOOD, labels=GOOD)
    release(store, "new", WORSE, labels=WORSE)

    with pytest.raises(RubricError, match=r"policy\.yaml:\d"):
        gate(tmp_path, store, MARGIN, more=more)


# 8: passport, data and baseline are what they were.


def edited(folder: Path, path: Sequence[str | int], value: object) -> None:
    file = folder / "passport.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    inside = content
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    file.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["expires"], "2099-01-01"),
        (["entries", 0, "n"], 299),
        (["labels", "count"], 99_999),
        (["entries", 0, "beyond_chance", "confidence"], 0.6),
        (["identity", "judge_hash"], "sha256:0"),
        (["scope"], {"groups": [], "languages": [], "served_models": ["x"]}),
    ],
)
def test_an_edited_passport_decides_nothing(
    tmp_path: Path, path: Sequence[str | int], value: object
) -> None:
    store = store_at(tmp_path)
    release(store, "old", GOOD, labels=GOOD)
    release(store, "new", GOOD, labels=GOOD)
    assert gate(tmp_path, store, MARGIN).decision == "PASS"

    edited(tmp_path, path, value)

    with pytest.raises(PassportError, match="changed after it was issued"):
        conduct(
            store,
            "old",
            "new",
            policy=load_policy(tmp_path / "policy.yaml", today=TODAY),
            passport=tmp_path / "passport.json",
            today=TODAY,
        )


def test_another_passport_than_the_pinned_one_is_untrusted(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    release(store, "old", GOOD, labels=GOOD)
    release(store, "new", GOOD, labels=GOOD)
    held = passport("safe")

    pinned = gate(tmp_path, store, MARGIN, held=held, more=f"pins: {{passport: '{held.digest}'}}\n")
    other = gate(
        tmp_path,
        store,
        MARGIN,
        held=replace(held, expires=date(2027, 6, 1)),
        more=f"pins: {{passport: '{held.digest}'}}\n",
    )

    assert pinned.decision == "PASS"
    assert (other.decision, other.trust) == (
        "UNTRUSTED",
        "the passport is not the one that the policy pins.",
    )


def test_data_and_baseline_are_held_against_their_pins(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    release(store, "old", GOOD, labels=GOOD)
    release(store, "new", GOOD, labels=GOOD)
    digests = gate(tmp_path, store, MARGIN).digests
    pins = "".join(f"{name}: '{digests[name]}', " for name in ("data", "baseline"))

    assert gate(tmp_path, store, MARGIN, more=f"pins: {{{pins}}}\n").decision == "PASS"
    store.add_labels(
        store.runs()[0],
        [Label(id="p1", system="old", rater="b", criterion="safe", score=0.0)],
    )
    with pytest.raises(ConfigError, match="the baseline is not what the policy pins"):
        gate(tmp_path, store, MARGIN, more=f"pins: {{{pins}}}\n")
    other = f"pins: {{data: 'sha256:{'0' * 64}'}}\n"
    with pytest.raises(ConfigError, match="the data is not what the policy pins"):
        gate(tmp_path, store, MARGIN, more=other)


def test_copies_under_new_ids_count_once(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    for name in ("old", "new"):
        run = release(store, f"{name}-plain", [1] * 300, labels=[1] * 300).run
        copied = [
            each.model_copy(update={"prompt": f"prompt {number % 20}", "system": name})
            for number, each in enumerate(store.generations(run))
        ]
        made = store.create_run(name, run.manifest, generations=copied)
        store.write(
            made, [each.model_copy(update={"system": name}) for each in store.judgments(run)]
        )
        store.add_labels(
            made, [each.model_copy(update={"system": name}) for each in store.labels(run)]
        )

    report = gate(tmp_path, store, MARGIN)

    assert report.decision == "NEED_LABELS"
    assert report.checks[0].n_labelled == 20


def test_a_release_against_itself_is_refused(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run = release(store, "new", GOOD, labels=GOOD).run
    copy = store.create_run("copy", run.manifest, generations=tuple(store.generations(run)))
    store.write(copy, tuple(store.judgments(run)))
    store.add_labels(copy, tuple(store.labels(run)))

    with pytest.raises(ConfigError, match="both baseline and candidate"):
        gate(tmp_path, store, MARGIN, baseline="new")
    with pytest.raises(ConfigError, match="all 300 responses of new:new are those of copy:new"):
        gate(tmp_path, store, MARGIN, baseline="copy")


# 9: a served model that changed, and what the passport was not earned on.


def served(store: Store, name: str, model: str) -> None:
    """Keep a release whose verdicts came from a provider's model of that name."""
    plain = release(store, f"{name}-plain", GOOD, labels=GOOD)
    generations = [
        each.model_copy(update={"system": name}) for each in store.generations(plain.run)
    ]
    run = store.create_run(name, plain.run.manifest, generations=generations)
    store.write(
        run,
        [
            each.model_copy(update={"system": name, "served_model": model})
            for each in store.judgments(plain.run)
        ],
    )
    store.add_labels(
        run, [each.model_copy(update={"system": name}) for each in store.labels(plain.run)]
    )


@pytest.mark.parametrize(
    ("old", "new", "scope", "words"),
    [
        ("m-1", "m-2", (), "answered as m-2 for the candidate and as m-1 for the baseline"),
        ("m-2", "m-2", ("m-1",), "the passport was earned on m-1"),
    ],
)
def test_another_served_model_is_untrusted(
    tmp_path: Path, old: str, new: str, scope: tuple[str, ...], words: str
) -> None:
    store = store_at(tmp_path)
    served(store, "old", old)
    served(store, "new", new)

    report = gate(
        tmp_path, store, MARGIN, held=passport("safe", scope=PassportScope(served_models=scope))
    )

    assert report.decision == "UNTRUSTED"
    assert words in report.trust


def test_a_group_that_the_passport_was_not_earned_on_is_untrusted_by_name(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    groups = ["law"] * 150 + ["tax"] * 150
    good = ([1] * 145 + [0] * 5) * 2
    release(store, "old", good, labels=good, groups=groups)
    release(store, "new", good, labels=good, groups=groups)
    held = passport("safe", scope=PassportScope(groups=("law",), languages=("en",)))

    report = gate(
        tmp_path,
        store,
        "{name: safety, measure: safety_rate, margin: 0.1, groups: each}",
        held=held,
    )

    assert {each.group: each.decision for each in report.checks} == {
        "law": "PASS",
        "tax": "UNTRUSTED",
    }
    assert "not measured on tax" in report.checks[1].why


def test_few_labels_of_the_passport_are_missing_labels_and_no_distrust(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    release(store, "old", GOOD, labels=GOOD)
    release(store, "new", GOOD, labels=GOOD)

    report = gate(tmp_path, store, MARGIN, held=passport("safe", n=20))

    assert report.decision == "NEED_LABELS"
    assert "safe: 20 labels; at least 30 are needed" in report.checks[0].why


# No look is free.


def test_a_look_is_counted_once_for_each_state_of_the_data(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    some = [*GOOD[:80], *[None] * 220]
    old = release(store, "old", [1] * 300, labels=[1] * 300)
    new = release(store, "new", [1] * 300, labels=some)

    first = gate(tmp_path, store, MARGIN)
    again = gate(tmp_path, store, MARGIN.replace("safety, measure", "renamed, measure"))
    store.add_labels(
        new.run, [Label(id="p90", system="new", rater="a", criterion="safe", score=1.0)]
    )
    second = gate(tmp_path, store, MARGIN)

    assert old.run.run_id != new.run.run_id
    assert (first.looks, again.looks, second.looks) == (1, 1, 2)
    assert first.checks[0].risk == pytest.approx(0.05 / np.sqrt(5), abs=1e-4)
    assert again.checks[0].risk == first.checks[0].risk
    assert (second.checks[0].look, second.checks[0].n_labelled) == (2, 81)


def test_after_the_planned_looks_nothing_passes(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    release(store, "old", [1] * 300, labels=[1] * 300)
    new = release(store, "new", [1] * 300, labels=[1] * 80 + [None] * 220)
    strict = MARGIN.replace("0.05", "0.04")
    policy = "looks: 1\n"

    first = gate(tmp_path, store, strict, more=policy)
    store.add_labels(
        new.run,
        [
            Label(id=f"p{number}", system="new", rater="a", criterion="safe", score=1.0)
            for number in range(80, 300)
        ],
    )
    second = gate(tmp_path, store, strict, more=policy)

    assert first.decision == "PASS"
    assert second.decision == "NEED_LABELS"
    assert "all 1 looks that the policy planned are used" in second.checks[0].why


def test_with_planned_labels_the_risk_goes_by_labels_and_not_by_looks(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    release(store, "old", [1] * 300, labels=[1] * 300)
    release(store, "new", [1] * 300, labels=[1] * 100 + [None] * 200)

    report = gate(tmp_path, store, MARGIN.replace("}", ", labels: 100}"))

    # 0.05 / 1.7: at the planned number.
    assert report.checks[0].risk == pytest.approx(0.0294, abs=1e-4)
    assert report.decision == "PASS"


def test_a_plan_that_is_changed_after_a_look_changes_nothing_and_is_told(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    release(store, "old", [1] * 300, labels=[1] * 300)
    release(store, "new", [1] * 300, labels=[1] * 73 + [None] * 227)

    first = gate(tmp_path, store, MARGIN)
    other = MARGIN.replace("}", ", labels: 60}")
    again = gate(tmp_path, store, other)
    once = gate(tmp_path, store, MARGIN, more="looks: 1\n")

    # 65 labels could pass at 0.0356, and 59 at 0.05; the plan of five looks needs 75.
    assert [each.decision for each in (first, again, once)] == ["NEED_LABELS"] * 3
    assert again.checks[0].risk == once.checks[0].risk == first.checks[0].risk
    assert not any("plan of its first look" in note for note in first.notes)
    assert (
        again.notes[0] == "safety: the plan of its first look holds (looks: 5), "
        "not what the policy says now"
    )


def test_nobody_is_told_to_label_more_where_every_prompt_is_labelled(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    release(store, "old", [1] * 150, labels=[1] * 150)
    # Seven points worse: an equally good candidate would have passed, and nothing is shown.
    worse = [0] * 10 + [1] * 140
    release(store, "new", worse, labels=worse)

    report = gate(tmp_path, store, MARGIN.replace("0.05", "0.09"))

    assert report.decision == "NEED_LABELS"
    assert "every prompt is labelled, and the labels leave it open" in report.checks[0].next_step


def test_looks_that_could_not_have_passed_spend_nothing(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    release(store, "old", [1] * 300, labels=[1] * 300)
    new = release(store, "new", [1] * 300, labels=[1] * 20 + [None] * 280)

    for number in range(20, 26):
        gate(tmp_path, store, MARGIN)
        store.add_labels(
            new.run, [Label(id=f"p{number}", system="new", rater="a", criterion="safe", score=1.0)]
        )
    report = gate(tmp_path, store, MARGIN)

    assert report.looks == 7
    assert (report.checks[0].look, report.checks[0].fewest) == (1, 75)
