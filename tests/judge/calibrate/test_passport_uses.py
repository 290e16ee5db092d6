"""The passport says for which use a judge is good, and its error rates are those of all items."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from calibration.passport import JudgePassport, load_passport, save_passport
from judge.calibrate.analysis import calibrate
from judge.calibrate.calibration_set import Question
from judge.calibrate.from_files import material
from judge.calibrate.from_run import parts
from judge.calibrate.passport import foreign_identity, issue

TODAY = date(2026, 11, 28)


def passport(
    folder: Path,
    *,
    specificity: float,
    by_verdict: bool = False,
    systems: int = 1,
    each: int = 100,
) -> JudgePassport:
    """Issue the passport of a judge that finds 95 % of passes, on 1,000 items a system."""
    rng = np.random.default_rng(4)
    scores: list[str] = []
    labels: list[str] = []
    for system in range(systems):
        truth = rng.random(1000) < 0.9
        said = np.where(truth, rng.random(1000) < 0.95, rng.random(1000) > specificity)
        chosen = np.arange(200)
        if by_verdict:
            chosen = np.concatenate([np.flatnonzero(~said)[:each], np.flatnonzero(said)[:each]])
        scores += [f"i{at},m{system},j,safe,{int(said[at])}" for at in range(1000)]
        labels += [f"i{at},m{system},ann,safe,{int(truth[at])}" for at in chosen]
    (folder / "s.csv").write_text("id,system,judge,criterion,score\n" + "\n".join(scores))
    (folder / "l.csv").write_text("id,system,rater,criterion,score\n" + "\n".join(labels))
    cut = parts(material(folder / "s.csv", folder / "l.csv", question=Question()))
    design = "by-verdict" if by_verdict else "random"
    found = calibrate(cut, design=design, source="s", labels="l")
    identity = foreign_identity("j", judge_hash=None, rubric_hash=None)
    return issue(found, cut, identity, design=design, today=TODAY)


def test_a_judge_that_misses_the_rare_class_is_good_for_the_rate_alone(tmp_path: Path) -> None:
    entry = passport(tmp_path, specificity=0.3).entry("safe")

    assert entry is not None
    assert entry.uses is not None
    assert entry.uses.rate.good == "yes"
    assert (entry.uses.single_items.good, entry.uses.veto.good) == ("no", "no")
    assert entry.uses.ranking.good == "unknown"
    assert entry.uses.veto.bound is not None
    assert entry.uses.veto.bound < 0.3


def test_a_very_good_judge_is_good_for_a_veto(tmp_path: Path) -> None:
    entry = passport(tmp_path, specificity=1.0, by_verdict=True, each=500).entry("safe")

    assert entry is not None
    assert entry.uses is not None
    assert entry.uses.veto.good == "yes"


def test_systems_are_ranked_where_the_judges_errors_are_alike(tmp_path: Path) -> None:
    entry = passport(tmp_path, specificity=0.6, systems=2).entry("safe")

    assert entry is not None
    assert entry.uses is not None
    assert entry.uses.ranking.bound is not None


def test_after_a_draw_by_verdict_error_rates_are_those_of_all_items(tmp_path: Path) -> None:
    entry = passport(tmp_path, specificity=0.6, by_verdict=True).entry("safe")

    assert entry is not None
    assert entry.sensitivity is not None
    assert entry.specificity is not None
    # Of the labelled items alone the sensitivity would be about .68 and the specificity .93.
    assert entry.sensitivity.value == pytest.approx(0.95, abs=0.02)
    assert entry.specificity.value == pytest.approx(0.6, abs=0.15)


def test_the_uses_come_back_from_the_file(tmp_path: Path) -> None:
    made = passport(tmp_path, specificity=0.6)
    save_passport(made, tmp_path / "p.json")

    assert load_passport(tmp_path / "p.json") == made


def test_a_passport_of_before_the_uses_keeps_its_digest(tmp_path: Path) -> None:
    made = passport(tmp_path, specificity=0.6)
    save_passport(made, tmp_path / "p.json")
    written = json.loads((tmp_path / "p.json").read_text())
    assert "uses" in written["entries"][0]

    (entry,) = made.entries
    before = type(made)(
        **{
            name: getattr(made, name)
            for name in ("identity", "labels", "provenance", "issued", "expires", "scope", "basis")
        },
        entries=(type(entry)(**{n: getattr(entry, n) for n in entry.__slots__ if n != "uses"}),),
    )
    save_passport(before, tmp_path / "before.json")
    assert "uses" not in json.loads((tmp_path / "before.json").read_text())["entries"][0]
    assert load_passport(tmp_path / "before.json") == before
