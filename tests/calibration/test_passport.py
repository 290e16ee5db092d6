import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from calibration.passport import (
    JudgeIdentity,
    JudgePassport,
    LabelSource,
    Measure,
    PassportEntry,
    PassportError,
    PassportScope,
    ProbabilityQuality,
    ProvenChange,
    fingerprint,
    load_passport,
    save_passport,
)
from calibration.passport_use import JudgeUse, check

ISSUED = date(2026, 11, 1)


def measure(value: float, low: float, high: float) -> Measure:
    return Measure(value=value, low=low, high=high, confidence=0.95, n=200)


GOOD = measure(0.8, 0.7, 0.87)
COIN = measure(0.02, -0.12, 0.16)


def entry(
    *, n: int = 200, beyond: Measure | None = GOOD, group: str | None = None
) -> PassportEntry:
    """Give what was measured of the criterion ``safe``."""
    return PassportEntry(
        criterion="safe",
        group=group,
        n=n,
        beyond_chance=beyond,
        agreement={"percent": measure(0.9, 0.85, 0.94), "kappa": measure(0.76, 0.66, 0.85)},
        sensitivity=measure(0.91, 0.85, 0.95),
        specificity=measure(0.89, 0.79, 0.95),
        flip_rate=measure(0.05, 0.03, 0.09),
    )


def passport(*, labels: int = 200, beyond: Measure | None = GOOD) -> JudgePassport:
    """Give a passport of a judge that was measured on this many labels."""
    return JudgePassport(
        identity=JudgeIdentity(
            name="判官-1",
            judge_hash="j",
            rubric_hash="r",
            prompt_hash="p",
            settings_hash="s",
            languages=("en", "zh"),
        ),
        labels=LabelSource(
            source="team", count=labels, raters=3, design="random", labelled_on=date(2026, 10, 30)
        ),
        entries=(
            entry(n=labels, beyond=beyond),
            entry(n=50, beyond=beyond, group="privacy"),
        ),
        provenance="LIVE",
        issued=ISSUED,
        expires=ISSUED + timedelta(days=90),
    )


USE = JudgeUse(
    judge_hash="j", rubric_hash="r", prompt_hash="p", settings_hash="s", languages=("zh",)
)


def test_a_passport_that_fits_is_trusted() -> None:
    assert check(passport(), USE, now=ISSUED).trusted


def test_the_last_day_still_counts_and_a_moment_is_a_day() -> None:
    last = datetime(2027, 1, 30, 23, 59, tzinfo=UTC)

    assert check(passport(), USE, now=last).trusted
    assert not check(passport(), USE, now=last + timedelta(minutes=1)).trusted


@pytest.mark.parametrize(
    ("change", "objection"),
    [
        ({"judge_hash": "x"}, "other-judge"),
        ({"rubric_hash": "x"}, "other-rubric"),
        ({"prompt_hash": "x"}, "other-prompt"),
        ({"settings_hash": "x"}, "other-settings"),
        ({"languages": ("zh", "fr")}, "other-language"),
        ({"criteria": ("severity",)}, "not-measured"),
        ({"fewest_labels": 500}, "too-few-labels"),
    ],
)
def test_another_use_has_its_reason(change: dict[str, str], objection: str) -> None:
    verdict = check(passport(), replace(USE, **change), now=ISSUED)

    assert [reason.objection for reason in verdict.reasons] == [objection]


@pytest.mark.parametrize(
    ("today", "objection"),
    [(ISSUED + timedelta(days=91), "expired"), (ISSUED - timedelta(days=1), "not-yet-valid")],
)
def test_a_passport_holds_for_its_time_only(today: date, objection: str) -> None:
    verdict = check(passport(), USE, now=today)

    assert [reason.objection for reason in verdict.reasons] == [objection]


def test_a_coin_is_refused() -> None:
    verdict = check(passport(beyond=COIN), USE, now=ISSUED)

    assert verdict.reasons[0].objection == "no-better-than-chance"
    assert "not shown to be better than chance" in verdict.reasons[0].text


def test_labels_of_one_class_cannot_show_anything() -> None:
    verdict = check(passport(beyond=None), USE, now=ISSUED)

    assert "cannot show whether the judge beats chance" in verdict.reasons[0].text


def test_groups_alone_do_not_vouch_for_the_whole() -> None:
    groups = (entry(n=50, group="privacy"),)

    verdict = check(replace(passport(), entries=groups), USE, now=ISSUED)

    assert verdict.reasons[0].text == "the passport measures nothing over all items."


def test_simulated_verdicts_are_for_demonstrations_only() -> None:
    simulated = replace(passport(), provenance="SIMULATED")

    assert check(simulated, USE, now=ISSUED).reasons[0].objection == "simulated"
    assert check(simulated, replace(USE, allow_simulated=True), now=ISSUED).trusted


def test_all_reasons_are_given() -> None:
    verdict = check(passport(labels=10), replace(USE, judge_hash="x"), now=date(2030, 1, 1))

    objections = {reason.objection for reason in verdict.reasons}
    assert {"expired", "other-judge", "too-few-labels"} <= objections


def test_equal_content_has_an_equal_fingerprint() -> None:
    assert fingerprint({"a": [1, 2.5], "b": "好"}) == fingerprint({"b": "好", "a": [1, 2.5]})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    # sha256 of the two characters {} of canonical JSON.
    assert fingerprint({}) == (
        "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    )


@pytest.mark.parametrize("content", [{1, 2}, float("nan")])
def test_what_is_no_json_has_no_fingerprint(content: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        fingerprint(content)


def test_a_passport_comes_back_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "passport.json"

    save_passport(passport(), file)

    assert load_passport(file) == passport()
    assert "判官-1" in file.read_text(encoding="utf-8")


def test_a_failed_write_leaves_the_old_passport(tmp_path: Path) -> None:
    file = tmp_path / "passport.json"
    save_passport(passport(), file)
    broken = replace(passport(), identity=replace(passport().identity, name="\ud800"))

    with pytest.raises(UnicodeEncodeError):
        save_passport(broken, file)

    assert load_passport(file) == passport()
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("surprise", 1, "passport has an unknown key 'surprise'"),
        ("format", 3, "format 3, where this version reads 2"),
        ("digest", "sha256:0", "changed after it was issued"),
        ("expires", "2099-01-01", "changed after it was issued"),
        ("labels.count", 99999, "changed after it was issued"),
        ("entries.0.n", 99999, "safe cannot rest on 99999 labels of 200"),
        ("entries.0.beyond_chance.low", 5.0, "cannot have the limits 5 and"),
        ("entries.0.beyond_chance.high", 7.0, "a lead over chance lies between -1 and 1"),
        ("entries.0.beyond_chance.confidence", 0.0001, "a confidence of 0.0001 is none"),
        ("entries.0.sensitivity.high", 1.5, "sensitivity lies between 0 and 1"),
        ("format", True, "format True"),
        ("issued", "yesterday", "passport.issued is 'yesterday', not a date"),
        ("expires", "2020-01-01", "cannot expire on 2020-01-01, before 2026-11-01"),
        ("provenance", "REAL", "passport.provenance is 'REAL', not one of LIVE"),
        ("entries", {}, "passport.entries is no list"),
        ("identity", [], "passport.identity is no object"),
        ("identity.name", 7, "passport.identity.name is 7, not text"),
        ("identity.extra", 7, "passport.identity has an unknown key 'extra'"),
        ("labels.count", 1.5, "passport.labels.count is 1.5, not a whole number"),
        ("labels.count", -1, "cannot be negative"),
        ("entries.0.agreement", [], r"passport.entries\[\].agreement is no object"),
        ("entries.0.agreement.kappa.value", "x", "kappa.value is 'x', not a finite number"),
        ("entries.0.agreement.kappa.value", 10**400, "not a finite number"),
        ("entries.1.group", None, "two entries speak of the same criterion and group"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused(
    tmp_path: Path, path: str, value: object, message: str
) -> None:
    file = tmp_path / "passport.json"
    save_passport(passport(), file)
    content: Any = json.loads(file.read_text(encoding="utf-8"))
    *parents, last = path.split(".")
    inside: Any = content
    for step in parents:
        inside = inside[int(step) if step.isdigit() else step]
    inside[last] = value
    file.write_text(json.dumps(content), encoding="utf-8")

    with pytest.raises(PassportError, match=message):
        load_passport(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "no object with a key 'format'"),
        (b'{"format": 1, "format": 1}', "key 'format' stands twice"),
        (b'{"format": NaN}', "NaN is no number"),
        (b'{"format": 1}', "passport has no key 'identity'"),
        (b" " * 10_000_001, "larger than 10000000 bytes"),
    ],
)
def test_hostile_text_is_refused(tmp_path: Path, text: bytes, message: str) -> None:
    file = tmp_path / "passport.json"
    file.write_bytes(text)

    with pytest.raises(PassportError, match=message):
        load_passport(file)


def test_a_passport_of_the_version_before_is_read(tmp_path: Path) -> None:
    file = tmp_path / "passport.json"
    save_passport(passport(), file)
    content: Any = json.loads(file.read_text(encoding="utf-8"))
    content["format"] = 1
    for name in ("digest", "scope", "basis"):
        del content[name]
    for each in content["entries"]:
        del each["events"]
    file.write_text(json.dumps(content), encoding="utf-8")

    assert load_passport(file) == passport()


def test_a_passport_speaks_for_the_groups_and_models_that_it_was_earned_on() -> None:
    scope = PassportScope(groups=("law",), languages=("zh",), served_models=("m-1",))
    held = replace(passport(), scope=scope)

    def objections(**change: tuple[str, ...]) -> list[tuple[str, str | None]]:
        found = check(held, replace(USE, **change), now=ISSUED)
        return [(reason.objection, reason.group) for reason in found.reasons]

    assert objections(groups=("law",), served_models=("m-1",)) == []
    assert objections(groups=("law", "tax")) == [("other-group", "tax")]
    assert objections(languages=("en",)) == [("other-language", None)]
    assert objections(served_models=("m-2",)) == [("other-served-model", None)]


def test_few_labels_are_no_word_against_the_judge() -> None:
    verdict = check(passport(labels=20, beyond=COIN), USE, now=ISSUED)

    assert [reason.objection for reason in verdict.reasons] == ["too-few-labels"]


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(PassportError, match="cannot be read"):
        load_passport(tmp_path / "none.json")


def test_what_was_added_later_leaves_older_files_and_their_digests_as_they_were(
    tmp_path: Path,
) -> None:
    save_passport(passport(), tmp_path / "p.json")

    content = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))

    assert "change" not in content
    assert all("probabilities" not in one for one in content["entries"])
    assert load_passport(tmp_path / "p.json") == passport()


def test_quality_of_probabilities_and_a_proven_change_are_kept(tmp_path: Path) -> None:
    quality = ProbabilityQuality(
        rule="threshold 0.5",
        error=measure(0.03, 0.0, 0.06),
        ranking=measure(0.9, 0.85, 0.94),
        brier=0.1,
        sharpness=0.3,
        informative=True,
        beyond_verdict=False,
    )
    change = ProvenChange(
        search="r.improve",
        partition="abc",
        candidates=4,
        look=1,
        looks=1,
        reflection_model="openai/m",
        old_rubric="def",
    )
    first, *others = passport().entries
    made = replace(
        passport(), entries=(replace(first, probabilities=quality), *others), change=change
    )

    save_passport(made, tmp_path / "p.json")

    assert load_passport(tmp_path / "p.json") == made
    assert made.digest != passport().digest
